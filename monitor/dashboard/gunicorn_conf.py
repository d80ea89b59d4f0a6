"""How gunicorn serves the dashboard: `gunicorn -c python:monitor.dashboard.gunicorn_conf`, the rest is environment.

One worker, because one reader serves all listeners; a thread for each listener, and some for everything else.
"""

import logging
import sys
from typing import Any

from environs import EnvError
from flask import Flask
from setproctitle import setproctitle

from lb.settings import sentence
from monitor.dashboard.app import LISTENERS, start
from monitor.dashboard.settings import DashboardSettings


def settings_or_exit() -> DashboardSettings:
    """The settings; one sentence and exit code 2 when a variable is wrong."""
    try:
        return DashboardSettings.from_env()
    except EnvError as error:
        sys.stderr.write(f"dashboard: {sentence(error)}\n")
        raise SystemExit(2) from error


_settings = settings_or_exit()

wsgi_app = "monitor.dashboard.main:create_dashboard()"
workers = 1
worker_class = "gthread"
threads = LISTENERS + 16
bind = f"{_settings.address}:{_settings.port}"
worker_connections = 256
keepalive = 5  # seconds
graceful_timeout = 2  # seconds: what still runs then is a look at the service, and that can be cut off
timeout = 60
control_socket_disable = True
limit_request_line = 4094
proc_name = "dashboard"


def pre_fork(server: Any, worker: Any) -> None:
    """The master's name in ps; gunicorn has set its own a moment before."""
    del server, worker
    setproctitle("dashboard")


def post_worker_init(worker: Any) -> None:
    """In the process that serves: its name in ps, and the reader."""
    setproctitle("dashboard worker")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    app: Flask = worker.wsgi
    start(app, lambda: bool(worker.alive))
