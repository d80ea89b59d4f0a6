"""Real containers: gunicorn, sockets, signals, two of them on one store."""

import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import redis
import requests
from acts_samples import act, user
from helpers import eventually

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


def test_a_probe_does_not_queue_behind_people(start_container: Start, redis_client: redis.Redis) -> None:
    container = start_container(ACTS_THREADS="2")
    busy = []
    for _ in range(20):
        peer = socket.create_connection(("127.0.0.1", container.port))
        peer.sendall(b"POST /api/v1/acts HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{")
        busy.append(peer)
    silent = [socket.create_connection(("127.0.0.1", container.port)) for _ in range(20)]
    for _ in range(5):
        assert requests.get(f"{container.url}/_health", timeout=2).status_code == 200
    for peer in busy + silent:
        peer.close()


def test_a_path_with_an_encoded_slash_arrives_through_gunicorn(start_container: Start) -> None:
    container = start_container()
    requests.post(f"{container.url}/categories", json=["a/b"], timeout=5)
    assert requests.get(f"{container.url}/categories/a%2Fb/acts/size", timeout=5).json() == [0]
    assert requests.get(f"{container.url}/categories/a/b/acts/size", timeout=5).status_code == 404


def test_term_lets_a_request_finish(start_container: Start) -> None:
    container = start_container()
    requests.post(f"{container.url}/users", json=user(), timeout=5)
    requests.post(f"{container.url}/categories", json=["trees"], timeout=5)
    body = json.dumps(act()).encode()
    with socket.create_connection(("127.0.0.1", container.port)) as peer:
        head = f"POST /api/v1/acts HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
        peer.sendall(head.encode() + body[:10])
        eventually(lambda: requests.get(f"{container.url}/_count", timeout=5).json() == [3])
        container.process.terminate()
        peer.sendall(body[10:])
        assert peer.makefile("rb").readline() == b"HTTP/1.1 201 CREATED\r\n"
    assert container.stop() == 0


def test_ps_shows_which_container_it_is(start_container: Start) -> None:
    container = start_container()
    master = psutil.Process(container.process.pid)
    names = [" ".join(process.cmdline()).strip() for process in (master, *master.children())]
    assert names == [f"acts {container.port}", f"acts {container.port} worker"]


def test_a_wrong_variable_is_one_sentence_and_exit_2(start_container: Start) -> None:
    container = start_container(wait=False, ACTS_AUTH="perhaps")
    assert container.process.wait(10) == 2
    words = Path(container.log).read_text().strip()
    assert "ACTS_AUTH" in words
    assert len(words.splitlines()) == 1


def test_a_chunked_upload_beyond_the_limit_is_413(start_container: Start) -> None:
    container = start_container(MAX_UPLOAD="1000")
    got = requests.post(f"{container.url}/acts", data=(b"x" * 500 for _ in range(10)), timeout=5)
    assert got.status_code == 413
