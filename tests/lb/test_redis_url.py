"""URLs taken apart, and what is wrong with those that name no Redis."""

import pytest

from lb.redis_url import Host, RedisAddress, Sentinels, Tls, WrongUrl, redis_address, without_secrets

TWO = (Host("one", 26379), Host("two", 7000))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("unix:///run/redis.sock", RedisAddress(path="/run/redis.sock")),
        ("unix:///run/r.sock?db=3", RedisAddress(path="/run/r.sock", database=3)),
        ("redis://example.org", RedisAddress(host="example.org")),
        ("redis://h:7000/2", RedisAddress(host="h", port=7000, database=2)),
        ("redis://[::1]:7000/2", RedisAddress(host="::1", port=7000, database=2)),
        ("redis://:p%40ss@h/0", RedisAddress(host="h", password="p@ss")),
        ("redis://me:pass@h", RedisAddress(host="h", user="me", password="pass")),
        ("rediss://h", RedisAddress(host="h", tls=Tls())),
        (
            "rediss://h?ssl_ca_certs=/ca.pem&ssl_certfile=/c.pem&ssl_keyfile=/k.pem&ssl_check_hostname=false",
            RedisAddress(host="h", tls=Tls("/ca.pem", "/c.pem", "/k.pem", check_hostname=False)),
        ),
        ("rediss://h?ssl_cert_reqs=none", RedisAddress(host="h", tls=Tls(verify=False, check_hostname=False))),
        (
            "redis+sentinel://me:pass@one,two:7000/mine/2?sentinel_password=s",
            RedisAddress(user="me", password="pass", database=2, sentinels=Sentinels(TWO, "mine", "", "s")),
        ),
        (
            "rediss+sentinel://one,two:7000/mine?ssl_ca_certs=/ca.pem",
            RedisAddress(tls=Tls("/ca.pem"), sentinels=Sentinels(TWO, "mine")),
        ),
    ],
)
def test_addresses(url: str, address: RedisAddress) -> None:
    assert redis_address(url) == address


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://h", "must be unix:///path, redis://"),
        ("redis://", "must be unix:///path, redis://"),
        ("unix://", "must be unix:///path, redis://"),
        ("redis://one,two/0", "must be unix:///path, redis://"),
        ("redis://h:port", "is no URL of the form"),
        ("redis://h/zero", "names the database 'zero', which must be a number"),
        ("redis://h?ssl_ca_certs=/ca.pem", "has ssl_ca_certs, which is not known there"),
        ("rediss://h?ssl_ca_cert=/ca.pem", "has ssl_ca_cert, which is not known there; these are: db, ssl_ca_certs"),
        ("rediss://h?ssl_cert_reqs=maybe", "has ssl_cert_reqs=maybe, which can be required or none"),
        ("rediss://h?ssl_keyfile=/k.pem", "has ssl_keyfile without the ssl_certfile"),
        ("redis+sentinel://one", "names no service"),
    ],
)
def test_what_names_no_redis_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(WrongUrl, match="^" + words.replace("?", r"\?")):
        redis_address(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("unix:///a/b.sock", "unix:///a/b.sock"),
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis://:pw@h:1/0", "redis://***@h:1/0"),
        ("redis://u:pw@h:1/0", "redis://***@h:1/0"),
        (
            "redis+sentinel://:pw@h:1,i:2/mine?sentinel_username=u&sentinel_password=pw",
            "redis+sentinel://***@h:1,i:2/mine?sentinel_username=u&sentinel_password=***",
        ),
    ],
)
def test_secrets_are_never_shown(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
