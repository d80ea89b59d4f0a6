"""Where the acts store is; over TLS and behind sentinels the real application serves."""

from pathlib import Path
from typing import Any

import pytest
import requests
from acts_samples import act, user
from sentinels import replicated
from tls_redis import SAID, make_certificates, tls_redis

from acts_app.store import Store
from acts_app.store_url import check, sentinels_of


def test_sentinels_are_read_from_a_url() -> None:
    known = sentinels_of("rediss+sentinel://me:p%40ss@one,two:7000/mine/2?ssl_ca_certs=/ca.pem&sentinel_password=s")
    assert known is not None
    assert known.hosts == (("one", 26379), ("two", 7000))
    assert known.service == "mine"
    tls = {"ssl": True, "ssl_ca_certs": "/ca.pem"}
    assert known.connection == {"username": "me", "password": "p@ss", "db": 2, **tls}
    assert known.own == {"username": None, "password": "s", **tls}


@pytest.mark.parametrize("url", ["unix:///a.sock", "redis://h:1/0", "rediss://h:1/0"])
def test_other_urls_are_left_to_the_library(url: str) -> None:
    check(url)
    assert sentinels_of(url) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://h", "must begin with unix://"),
        ("redis+sentinel://one", "must name sentinels and the service"),
        ("redis+sentinel://one/mine?ssl_ca_certs=/ca.pem", "has ssl_ca_certs, which is not known there"),
    ],
)
def test_what_names_no_store_is_refused_in_words(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check(url)


def test_acts_are_kept_over_tls(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    with tls_redis(certificates) as port:
        store = Store.at(f"rediss://:{SAID}@127.0.0.1:{port}/0?{certificates.options}")
        assert store.takes_writes()
        assert store.accounts.add("ann", "record")
        store.close()


def test_the_application_goes_on_after_a_fail_over(start_container: Any) -> None:
    with replicated() as servers:
        container = start_container(ACTS_REDIS_URL=servers.url)
        assert requests.post(f"{container.url}/users", json=user(), timeout=5).status_code == 201
        assert requests.post(f"{container.url}/categories", json=["trees"], timeout=5).status_code == 201
        servers.master.kill()
        # Connecting is what takes patience: the first that asks waits for the new master.
        assert requests.post(f"{container.url}/acts", json=act(1), timeout=20).status_code == 201
        assert requests.get(f"{container.url}/acts/count", timeout=5).json() == [1]
