"""How gunicorn serves a container."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import requests
from acts_samples import act, user
from helpers import eventually, title_of

Start = Callable[..., Any]


def test_ps_shows_which_container_it_is(start_container: Start) -> None:
    container = start_container()
    master = psutil.Process(container.process.pid)
    names = [title_of(process) for process in (master, *master.children())]
    assert names == [f"acts {container.port}", f"acts {container.port} worker"]


def test_a_wrong_variable_is_one_sentence_and_exit_2(start_container: Start) -> None:
    container = start_container(wait=False, ACTS_AUTH="perhaps")
    assert container.process.wait(10) == 2
    words = Path(container.log).read_text().strip()
    assert "ACTS_AUTH" in words
    assert len(words.splitlines()) == 1


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


def test_connections_that_say_nothing_do_not_hold_up_the_end(start_container: Start) -> None:
    container = start_container()
    with socket.create_connection(("127.0.0.1", container.port)), requests.Session() as kept:
        kept.get(f"{container.url}/_health", timeout=5)
        container.process.terminate()
        assert container.process.wait(15) == 0  # gunicorn's own grace is 30 seconds
