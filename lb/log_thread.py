"""The log of a worker, written by a thread: what stands still there must not stop the data path.

A log goes to a disk that may be busy, or to a pipe whose reader may have stopped; writing waits for either, and the
loop would wait with it. So lines are handed to a thread through a queue with a bound; lines beyond it are counted, and
their number is logged when there is room again. The access log is not written so: who asks for a line for each request
wants it before the next one, and pays for it.
"""

import logging
import queue
import threading
from collections.abc import Callable
from logging.handlers import QueueHandler

MOST_WAITING = 1000  # lines; about 200 KB
LAST_WORDS = 1.0  # seconds that a worker which leaves waits for its log

Lines = queue.Queue[logging.LogRecord | None]  # None is the end


class BoundedHandler(QueueHandler):
    """Hands lines over, and counts those that there is no room for."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(lines)
        self.dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        """Called for each line; never waits."""
        try:
            if self.dropped:
                self.queue.put_nowait(apology(record.name, self.dropped))
                self.dropped = 0
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


def apology(name: str, dropped: int) -> logging.LogRecord:
    """The line that says how many are missing before it."""
    sentence = "%d lines are missing here: they could not be written as fast as they came"
    return logging.LogRecord(name, logging.WARNING, __file__, 0, sentence, (dropped,), None)


class LogThread:
    """Takes the place of a logger's handlers, and lets a thread use them."""

    def __init__(self, logger: logging.Logger) -> None:
        self.logger = logger
        self.handlers = logger.handlers  # those that write
        self.lines: Lines = queue.Queue(MOST_WAITING)
        self.thread = threading.Thread(target=self.write, name="log", daemon=True)
        self.thread.start()
        logger.handlers = [BoundedHandler(self.lines)]

    def write(self) -> None:
        """Write line after line."""
        while (record := self.lines.get()) is not None:
            for handler in self.handlers:
                if record.levelno >= handler.level:
                    handler.handle(record)

    def show(self, reopen: Callable[[], None]) -> None:
        """Call `reopen` while the logger has the handlers that write: it looks for those of files there."""
        ours, self.logger.handlers = self.logger.handlers, self.handlers
        try:
            reopen()
        finally:
            self.logger.handlers = ours

    def stop(self) -> None:
        """Write what waits, for a moment at most; then the logger writes itself again, unless that would wait."""
        try:
            self.lines.put_nowait(None)
        except queue.Full:
            return
        self.thread.join(LAST_WORDS)
        if not self.thread.is_alive():
            self.logger.handlers = self.handlers
