"""The dashboard as it is run: gunicorn, with its own configuration."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import requests
from helpers import ROOT, eventually, free_port

COMMAND = [sys.executable, "-m", "gunicorn", "-c", "python:monitor.dashboard.gunicorn_conf"]


@contextmanager
def served(redis_url: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """A dashboard of its own."""
    port = free_port()
    environment = {**os.environ, "ADMIN_PORT": str(port), "REDIS_URL": redis_url, "ADMIN_ADDRESS": "127.0.0.1"}
    process = subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stderr=subprocess.PIPE)
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(f"{url}/state.json"), within=20)
        yield url, process
    finally:
        process.kill()
        process.communicate(timeout=10)


def answers(url: str) -> bool:
    try:
        return "rows" in requests.get(url, timeout=2).json()
    except requests.ConnectionError:
        return False


def test_it_serves_the_stream_and_ends_at_once_with_term_though_somebody_listens(redis_server, redis_client) -> None:
    with served(redis_server.url) as (url, process), requests.get(f"{url}/stream", stream=True, timeout=10) as stream:
        lines = stream.iter_lines()
        assert [next(lines) for _ in range(3)] == [b"retry: 1000", b"", b"event: hello"]
        names = {
            " ".join(one.cmdline()).strip()
            for one in [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
        }
        assert names == {"dashboard", "dashboard worker"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0


def test_a_wrong_variable_is_one_sentence_and_exit_code_2() -> None:
    environment = {**os.environ, "ADMIN_PORT": "many"}
    done = subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert "ADMIN_PORT" in done.stderr
