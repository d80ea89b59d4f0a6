"""A real acts container, as the deploy worker starts one: gunicorn in a session of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from acts_samples import API
from helpers import eventually, free_port
from shifted_clock import shifted

ROOT = Path(__file__).resolve().parent.parent
COMMAND = ["gunicorn", "-c", "python:acts_app.gunicorn_conf"]


@dataclass
class Container:
    """One running gunicorn."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def site(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where its protocol is."""
        return self.site + API

    def healthy(self) -> bool:
        """Whether it answers its probe."""
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(f"{self.url}/_health", timeout=2).ok
        except requests.ConnectionError:
            return False

    def stop(self) -> int:
        """TERM, and the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        return self.process.wait(20)


def start(redis_url: str, folder: Path, *, clock: float = 0.0, **environment: str) -> Container:
    """Start one with the open protocol, unless the environment says otherwise; it may not be healthy yet.

    Its clock is `clock` seconds ahead.
    """
    port = free_port()
    base = {"PORT": str(port), "ACTS_REDIS_URL": redis_url, "ACTS_AUTH": "off", "STATE_DIR": str(folder)}
    log = folder / f"{port}.log"
    python = shifted(clock) if clock else [sys.executable, "-m"]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*python, *COMMAND], cwd=ROOT, env=os.environ | base | environment, start_new_session=True, stderr=stderr
        )
    return Container(process, port, log)


@contextmanager
def running(redis_url: str, folder: Path, **environment: str) -> Iterator[Container]:
    """A healthy one, stopped at the end."""
    container = start(redis_url, folder, **environment)
    try:
        eventually(container.healthy, within=15)
        yield container
    finally:
        container.stop()
