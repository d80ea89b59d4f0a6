import os
import signal
import subprocess

import psutil
import requests
from helpers import ROOT, title_of
from running_dashboard import COMMAND, running_dashboard


def test_it_ends_at_once_with_term_though_somebody_listens(redis_server, redis_client) -> None:
    with (
        running_dashboard(redis_server.url) as dashboard,
        requests.get(f"{dashboard.site}/stream", stream=True, timeout=10) as stream,
    ):
        lines = stream.iter_lines()
        assert [next(lines) for _ in range(3)] == [b"retry: 1000", b"", b"event: hello"]
        assert titles(dashboard.process.pid) == {"dashboard", "dashboard worker"}
        dashboard.process.send_signal(signal.SIGTERM)
        assert dashboard.process.wait(timeout=15) == 0


def titles(pid: int) -> set[str]:
    """What ps shows for a process and its children."""
    process = psutil.Process(pid)
    return {title_of(one) for one in [process, *process.children()]}


def test_a_wrong_variable_is_one_sentence_and_exit_code_2() -> None:
    environment = {**os.environ, "ADMIN_PORT": "many"}
    done = subprocess.run(COMMAND, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert "ADMIN_PORT" in done.stderr
