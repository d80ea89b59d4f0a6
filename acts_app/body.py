"""Reading a request's body: within the limit, and never with all threads at once.

A phone on a train sends its photo for a minute. While it does, a thread waits; some threads are therefore kept for
those who only want to look.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app, request

from acts_app.answers import Refused

PATIENCE = 1.0  # seconds that an upload waits for its turn to be read; then it is told to come back


class BodyReader:
    """Reads bodies, no more than `at_once` at a time."""

    def __init__(self, at_once: int) -> None:
        self._turns = threading.BoundedSemaphore(at_once)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """The right to read a body; 503 when too many are being read already."""
        if not self._turns.acquire(timeout=PATIENCE):
            raise Refused(503, "Too many uploads at the moment: please try again soon.", {"Retry-After": "2"})
        try:
            yield
        finally:
            self._turns.release()

    def read(self) -> bytes:
        """The whole body; 413 beyond the limit."""
        with self.turn():
            return within_limit()


def within_limit() -> bytes:
    """The body. One without a length, Werkzeug cuts at the limit without a word; that is too long, too."""
    data = request.get_data(cache=False)
    most = current_app.config["MAX_CONTENT_LENGTH"]
    if request.content_length is None and most is not None and len(data) >= most:
        raise Refused(413, "That is too large to upload.")
    return data
