"""Probes, uploads and looks do not wait for each other."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
import redis
import requests

from acts_app.lane_worker import Lane, lane_of

Start = Callable[..., Any]
SLOW = b"POST /api/v1/acts HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"


@pytest.mark.parametrize(
    ("first_bytes", "lane"),
    [
        (b"GET /api/v1/_health", Lane.PROBES),
        (b"GET /api/v1/_healt", Lane.LOOKS),
        (b"GET /api/v1/users H", Lane.LOOKS),
        (b"DELETE /api/v1/acts", Lane.LOOKS),
        (b"POST /api/v1/acts H", Lane.UPLOADS),
        (b"POST ", Lane.UPLOADS),
        (b"PUT /x", Lane.UPLOADS),
        (b"POS", Lane.LOOKS),
        (b"", Lane.LOOKS),
    ],
)
def test_the_first_bytes_say_the_lane(first_bytes: bytes, lane: Lane) -> None:
    assert lane_of(first_bytes) is lane


def test_slow_uploads_and_silent_peers_keep_nobody_from_looking(
    start_container: Start, redis_client: redis.Redis
) -> None:
    container = start_container(ACTS_THREADS="2")
    peers = [socket.create_connection(("127.0.0.1", container.port)) for _ in range(40)]
    for peer in peers[::2]:
        peer.sendall(SLOW)
    for path in ("/_health", "/acts/count", "/_health", "/acts/count"):
        assert requests.get(container.url + path, timeout=5).status_code == 200
    for peer in peers:
        peer.close()
