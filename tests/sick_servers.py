"""Servers that answer as sick containers do, byte by byte."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def response(status: str, body: bytes = b"", *fields: str) -> bytes:
    """A whole answer, such as response("200 OK", b"{}")."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(head).encode() + body


class Server(socketserver.ThreadingTCPServer):
    """Reads a request head, then lets `answer` do what it likes with the socket; True from it keeps the connection."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, answer, port: int = 0) -> None:
        self.answer = answer
        self.connections = 0
        self.heads: list[bytes] = []
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def port(self) -> int:
        return self.server_address[1]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def handle_error(self, request, client_address) -> None:
        """A probe that gives up is no error of the server."""


class Handler(socketserver.BaseRequestHandler):
    server: Server

    def handle(self) -> None:
        self.server.connections += 1
        while head := self.head():
            self.server.heads.append(head)
            if not self.server.answer(self.server, self.request):
                return

    def head(self) -> bytes:
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = self.request.recv(4096)
            if not chunk:
                return b""
            received += chunk
        return received


def says(answer: bytes, *, keep: bool = True):
    """An answer that is always the same."""

    def send(server: Server, connection: socket.socket) -> bool:
        connection.sendall(answer)
        return keep

    return send


def hangs(server: Server, connection: socket.socket) -> bool:
    """Never answers."""
    server.closing.wait(30)
    return False


def trickles(answer: bytes, every: float = 0.05):
    """Answers one byte after the other, slowly."""

    def send(server: Server, connection: socket.socket) -> bool:
        for byte in answer:
            connection.sendall(bytes([byte]))
            if server.closing.wait(every):
                break
        return False

    return send


@contextmanager
def served(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


OK = response("200 OK", b"{}")
CRASHED = response("500 Internal Server Error", b'{"error": "This container has crashed."}')
STORELESS = response("500 Internal Server Error", b'{"store": "unreachable"}')
