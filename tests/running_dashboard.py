"""The dashboard as it is run, gunicorn with its own configuration, on a Redis of a test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests
from helpers import ROOT, eventually, free_port

COMMAND = [sys.executable, "-m", "gunicorn", "-c", "python:monitor.dashboard.gunicorn_conf"]
TOKEN = "an-admin-token"


@dataclass(frozen=True)
class RunningDashboard:
    """Where it is, and its master process."""

    site: str
    process: subprocess.Popen[bytes]


@contextmanager
def running_dashboard(redis_url: str, **variables: str) -> Iterator[RunningDashboard]:
    """Start one, wait until it has looked, and leave nothing behind."""
    port = free_port()
    ours = {"ADMIN_PORT": str(port), "ADMIN_ADDRESS": "127.0.0.1", "ADMIN_TOKEN": TOKEN, "REDIS_URL": redis_url}
    environment = {**os.environ, "ACTS_REDIS_URL": redis_url, **ours, **variables}
    process = subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        dashboard = RunningDashboard(f"http://127.0.0.1:{port}", process)
        eventually(lambda: has_looked(dashboard.site), within=30)
        yield dashboard
    finally:
        process.kill()
        process.communicate(timeout=10)


def has_looked(site: str) -> bool:
    """Whether it serves and knows the service."""
    try:
        return "rows" in requests.get(f"{site}/state.json", timeout=2).json()
    except requests.ConnectionError:
        return False
