"""What the kernel knows of a connection: real sockets, closed in every order."""

import socket
from collections.abc import Iterator

import pytest
from helpers import eventually

from lb.tcp_state import is_gone, was_never_read

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A client and its server, which have exchanged something already."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), 5)
        server, _ = listener.accept()
    with client, server:
        client.sendall(b"x" * 100)
        server.recv(100)
        server.sendall(b"answer")
        client.recv(6)
        yield client, server


def test_what_meets_a_closed_socket_was_never_read(pair: Pair) -> None:
    client, server = pair
    server.close()
    client.sendall(b"y" * 50)
    assert client.recv(1) == b""
    assert eventually(lambda: is_gone(client))
    assert was_never_read(client, 50)
    assert not was_never_read(client, 51)


def test_what_was_read_before_the_end_is_not_taken_for_unread(pair: Pair) -> None:
    client, server = pair
    client.sendall(b"y" * 50)
    server.recv(50)
    server.close()
    assert client.recv(1) == b""
    assert not was_never_read(client, 50)


def test_what_was_read_in_part_is_not_taken_for_unread(pair: Pair) -> None:
    client, server = pair
    client.sendall(b"y" * 50)
    server.recv(10)
    server.shutdown(socket.SHUT_WR)
    assert client.recv(1) == b""
    client.sendall(b"z" * 10)
    server.close()
    eventually(lambda: is_gone(client))
    assert not was_never_read(client, 60)


def test_a_half_closed_socket_may_still_read(pair: Pair) -> None:
    client, server = pair
    server.shutdown(socket.SHUT_WR)
    client.sendall(b"y" * 50)
    assert client.recv(1) == b""
    assert not is_gone(client)
    assert not was_never_read(client, 50)


def test_a_socket_without_tcp_proves_nothing() -> None:
    one, two = socket.socketpair()
    with one, two:
        assert not is_gone(one)
        assert not was_never_read(one, 1)
