"""Real containers: gunicorn, sockets, signals, two of them on one store."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from acts_samples import act, user

Start = Callable[..., Any]


def test_two_containers_on_one_store_agree(start_container: Start) -> None:
    one, other = start_container(), start_container()
    assert requests.post(f"{one.url}/users", json=user(), timeout=5).status_code == 201
    assert requests.post(f"{other.url}/categories", json=["trees"], timeout=5).status_code == 201

    def upload(n: int) -> int:
        return requests.post(f"{(one, other)[n % 2].url}/acts", json=act(n // 8), timeout=10).status_code

    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(upload, range(80)))
    assert (codes.count(201), codes.count(400)) == (10, 70)
    assert requests.get(f"{one.url}/acts/count", timeout=5).json() == [10]
    assert requests.get(f"{other.url}/_count", timeout=5).json() == [83]


def test_a_crash_stays_in_its_container_and_a_new_start_heals_it(start_container: Start) -> None:
    one, other = start_container(), start_container()
    assert requests.post(f"{one.url}/_crash", timeout=5).status_code == 200
    assert {requests.get(f"{one.url}/_health", timeout=5).status_code for _ in range(20)} == {500}
    assert requests.get(f"{other.url}/_health", timeout=5).status_code == 200
    assert one.stop() == 0


def test_a_path_with_an_encoded_slash_arrives_through_gunicorn(start_container: Start) -> None:
    container = start_container()
    requests.post(f"{container.url}/categories", json=["a/b"], timeout=5)
    assert requests.get(f"{container.url}/categories/a%2Fb/acts/size", timeout=5).json() == [0]
    assert requests.get(f"{container.url}/categories/a/b/acts/size", timeout=5).status_code == 404


def test_a_chunked_upload_beyond_the_limit_is_413(start_container: Start) -> None:
    container = start_container(MAX_UPLOAD="1000")
    got = requests.post(f"{container.url}/acts", data=(b"x" * 500 for _ in range(10)), timeout=5)
    assert got.status_code == 413
