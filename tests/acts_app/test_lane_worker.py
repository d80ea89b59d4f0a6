"""Health probes have a lane of their own."""

import socket
from collections.abc import Callable
from typing import Any

import redis
import requests

Start = Callable[..., Any]


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
