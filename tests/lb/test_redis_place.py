"""The bare connection over TLS, with a password, and to whoever the sentinels say is master."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import eventually
from real_redis import RedisServer
from rig import Backend, RunningProxy
from sentinels import Replicated, replicated
from test_redis_link import Owner
from tls_redis import SAID, Certificates, make_certificates, tls_redis

from lb.redis_advice import advice
from lb.redis_client import connect
from lb.redis_link import RedisError
from lb.redis_place import RedisPlace
from lb.redis_url import redis_address
from lb.request_window import requests_key
from lb.turns import turn_key

MakeBackend = Callable[..., Backend]
MakeProxy = Callable[..., RunningProxy]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def tls_port(certificates: Certificates) -> Iterator[int]:
    with tls_redis(certificates) as port:
        yield port


@pytest.fixture
def watched() -> Iterator[Replicated]:
    with replicated() as servers:
        yield servers


def answer_of(url: str) -> object:
    """What a Redis answers to PING on a bare connection."""

    async def story() -> object:
        link = await RedisPlace(redis_address(url)).open_link(Owner(), "lb tester", "news")
        (answer,) = await link.ask(("PING",))
        link.close()
        return answer

    return asyncio.run(story())


def test_a_proxy_works_over_tls_with_a_password_and_a_certificate_of_its_own(
    tls_port: int, certificates: Certificates, make_backend: MakeBackend, make_proxy: MakeProxy
) -> None:
    url = f"rediss://:{SAID}@127.0.0.1:{tls_port}/0?{certificates.options}"
    assert answer_of(url) == b"PONG"
    proxy = make_proxy(make_backend(), make_backend(), redis_url=url)
    assert {proxy.get().server for _ in range(4)} == {"1", "2"}
    with connect(url) as client:
        eventually(lambda: client.zcard(requests_key(proxy.service)) == 4)
        assert client.get(turn_key(proxy.service)) == "4"


def test_a_user_of_the_access_list_is_known_by_name(tls_port: int, certificates: Certificates) -> None:
    with connect(f"rediss://:{SAID}@127.0.0.1:{tls_port}/0?{certificates.options}") as client:
        client.acl_setuser("proxy", enabled=True, passwords=["+pw"], keys=["*"], channels=["*"], commands=["+@all"])
    url = f"rediss://proxy:pw@127.0.0.1:{tls_port}/0?{certificates.options}"
    assert answer_of(url) == b"PONG"
    with connect(url) as client:
        assert client.acl_whoami() == "proxy"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("rediss://:{said}@127.0.0.1:{port}/0?ssl_ca_certs={other}", "signed by nobody who is known here"),
        ("rediss://:{said}@localhost:{port}/0?{options}", "made out to another name"),
        ("rediss://:wrong@127.0.0.1:{port}/0?{options}", "the user or the password is wrong"),
        ("rediss://127.0.0.1:{port}/0?{options}", "it wants a password"),
        ("rediss://:{said}@127.0.0.1:{port}/0?ssl_ca_certs={ca}", "ssl_certfile and ssl_keyfile"),
        ("rediss://127.0.0.1:{plain}/0?{options}", "it does not speak TLS there"),
    ],
)
def test_what_keeps_it_from_connecting_is_said_with_its_fix(
    lb_redis: RedisServer, tls_port: int, certificates: Certificates, form: str, words: str
) -> None:
    url = form.format(
        said=SAID,
        port=tls_port,
        plain=lb_redis.port,
        options=certificates.options,
        ca=certificates.file("ca.pem"),
        other=certificates.file("other-ca.pem"),
    )
    with pytest.raises((OSError, RedisError)) as bare:
        answer_of(url)
    assert words in advice(bare.value)


def test_a_certificate_that_cannot_be_read_is_told_when_it_is_needed(tmp_path: Path) -> None:
    place = RedisPlace(redis_address(f"rediss://127.0.0.1:1/0?ssl_ca_certs={tmp_path}/none.pem"))
    with pytest.raises(OSError, match="No such file"):
        asyncio.run(place.open_link(Owner(), "lb tester", "news"))


def test_sentinels_tell_where_the_master_is(watched: Replicated) -> None:
    assert answer_of(watched.url) == b"PONG"
    watched.sentinels[0].kill()
    assert answer_of(watched.url) == b"PONG"


def test_a_name_that_no_sentinel_knows_is_told(watched: Replicated) -> None:
    with pytest.raises(RedisError, match=r"no sentinel knows the master of other \(127.0.0.1:\d+: it does not know"):
        answer_of(watched.url.replace("/mine/", "/other/"))


def test_a_server_that_is_a_replica_meanwhile_is_not_used(watched: Replicated) -> None:
    with connect(f"redis://:{watched.password}@127.0.0.1:{watched.master.port}/0") as master:
        master.replicaof("127.0.0.1", str(watched.replica.port))
        with pytest.raises(RedisError, match="which is a replica"):
            answer_of(watched.url)
