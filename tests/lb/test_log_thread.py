"""A log that stands still: nobody waits for it, and it says what is missing."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from helpers import eventually
from rig import Backend, RunningProxy

from lb.log_thread import MOST_WAITING, LogThread


class Stalling(logging.Handler):
    """Writes when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = threading.Event()
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Wait, and write."""
        assert self.may.wait(10)
        self.written.append(record.getMessage())


@pytest.fixture
def stalling() -> Stalling:
    """A handler that does not write yet."""
    return Stalling()


@pytest.fixture
def logger(stalling: Stalling) -> logging.Logger:
    """A logger of its own, with that handler."""
    made = logging.Logger("a worker's")
    made.addHandler(stalling)
    return made


def test_who_logs_does_not_wait_and_what_is_missing_is_said(logger: logging.Logger, stalling: Stalling) -> None:
    thread = LogThread(logger)
    for number in range(MOST_WAITING + 10):
        logger.warning("line %d", number)
    missing = logger.handlers[0].dropped  # type: ignore[attr-defined]
    assert missing in {9, 10}  # one may be in the thread's hands
    stalling.may.set()
    eventually(lambda: len(stalling.written) == MOST_WAITING + 10 - missing)
    logger.warning("the last")
    thread.stop()
    assert [line.split()[0] for line in stalling.written[-2:]] == [str(missing), "the"]
    assert logger.handlers == [stalling]


def test_a_log_that_stands_still_holds_up_no_leaving(logger: logging.Logger, stalling: Stalling) -> None:
    thread = LogThread(logger)
    logger.warning("some line")
    thread.stop()
    assert logger.handlers != [stalling]  # which would wait for the other thread's line
    stalling.may.set()
    thread.thread.join(5)
    assert stalling.written == ["some line"]


def test_a_worker_whose_log_is_a_pipe_that_nobody_reads_goes_on(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy], tmp_path: Path
) -> None:
    pipe = tmp_path / "log"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        dead, alive = make_backend(), make_backend()
        proxy = make_proxy(alive, dead, options=("--error-logfile", str(pipe)))
        with suppress(BlockingIOError):
            while True:
                os.write(reading, bytes(512))
        dead.close()
        assert [proxy.get().status for _ in range(6)] == [200] * 6
        eventually(lambda: b"cannot be reached" in os.read(reading, 65536))
    finally:
        os.close(reading)


def test_a_log_that_was_moved_away_is_begun_anew(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    dead, alive = make_backend(), make_backend()
    proxy = make_proxy(alive, dead, options=("--error-logfile", str(log)))
    log.rename(tmp_path / "old")
    proxy.signal(signal.SIGUSR1)
    eventually(log.exists)
    dead.close()

    def told() -> bool:
        proxy.get()
        return "cannot be reached" in log.read_text()

    eventually(told)
