"""Asks a container that is starting whether it is healthy: the status line of one GET, within a bound.

The monitor judges running containers with more care; here only "does it answer 200 already" matters, every few
milliseconds, so a bare socket is enough and the total time is bounded, also against a server that trickles.
"""

import socket
import time

STATUS_LINE_LIMIT = 1024  # bytes; a status line that is longer is none


class HealthProbe:
    """Callable with an address ("host:port"); True when `path` answered 200 within `timeout` seconds. Never raises."""

    def __init__(self, path: str, timeout: float = 0.5) -> None:
        self._path = path
        self._timeout = timeout

    def __call__(self, address: str) -> bool:
        """Whether the container at `address` is healthy now."""
        try:
            return self._status_line(address).split(b" ", 2)[1:2] == [b"200"]
        except (OSError, ValueError):
            return False

    def _status_line(self, address: str) -> bytes:
        deadline = time.monotonic() + self._timeout
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=self._timeout) as connection:
            connection.sendall(self._request(address))
            received = b""
            while b"\r\n" not in received and len(received) < STATUS_LINE_LIMIT:
                connection.settimeout(max(0.001, deadline - time.monotonic()))
                chunk = connection.recv(STATUS_LINE_LIMIT)
                if not chunk:
                    break
                received += chunk
        return received.partition(b"\r\n")[0]

    def _request(self, address: str) -> bytes:
        head = f"GET {self._path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: deploy\r\nConnection: close\r\n\r\n"
        return head.encode()
