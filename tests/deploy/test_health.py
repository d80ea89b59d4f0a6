"""Real servers, well and sick."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from deploy.health import STATUS_LINE_LIMIT, HealthProbe


@contextmanager
def server(*pieces: bytes, heard: list[bytes] | None = None) -> Iterator[str]:
    """Answers one connection with these pieces, 0.1 s apart, and then closes it; without pieces it stays silent."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, suppress(ConnectionError):  # whoever asked may be gone
                request = connection.recv(4096)
                if heard is not None:
                    heard.append(request)
                for piece in pieces:
                    connection.sendall(piece)
                    done.wait(0.1)
                if not pieces:
                    done.wait(10)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        done.set()
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        (b"HTTP/1.1 200 OK\r\n\r\n",),
        (b"HTTP/1.0 200\r\n\r\n",),
        (b"HTTP/1.1 2", b"00 OK\r", b"\n"),  # in pieces
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),  # the body does not matter
    ],
)
def test_200_is_healthy(answer):
    with server(*answer) as address:
        assert HealthProbe("/")(address)


@pytest.mark.parametrize(
    "answer",
    [
        (b"HTTP/1.1 500 No\r\n\r\n",),
        (b"HTTP/1.1 204 Nothing\r\n\r\n",),
        (b"HTTP/1.1 301 200 OK\r\n\r\n",),
        (b"",),  # closes at once
        (b"HTTP/1.1 20",),
        (b"\r\n",),
        (b"x" * (STATUS_LINE_LIMIT + 1),),
    ],
)
def test_anything_else_is_not(answer):
    with server(*answer) as address:
        assert not HealthProbe("/")(address)


def test_silence_is_not_healthy():
    with server() as address:
        assert not HealthProbe("/", timeout=0.1)(address)


def test_a_trickle_is_not_healthy():
    with server(b"HTTP", b"/1.1", b" 200", b" OK", b"\r\n") as address:
        assert not HealthProbe("/", timeout=0.15)(address)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1:http", "", "127.0.0.1:99999"])
def test_an_address_where_nobody_is_is_not_healthy(address):
    assert not HealthProbe("/")(address)


def test_the_request_asks_for_the_path_and_names_the_host():
    heard: list[bytes] = []
    with server(b"HTTP/1.1 200 OK\r\n\r\n", heard=heard) as address:
        HealthProbe("/api/v1/_health")(address)
    assert heard[0].startswith(b"GET /api/v1/_health HTTP/1.1\r\n")
    assert f"Host: {address}\r\n".encode() in heard[0]
