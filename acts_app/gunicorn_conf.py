"""How gunicorn serves one acts container: `gunicorn -c python:acts_app.gunicorn_conf`, the rest is environment.

One worker, because `stat` lives in its memory; threads inside it, because requests wait for the store.
"""

import sys
from typing import Any

from environs import EnvError
from setproctitle import setproctitle

from acts_app.settings import ActsSettings

try:
    _settings = ActsSettings.from_env()
except EnvError as problem:
    print(f"acts container: {problem}", file=sys.stderr)
    raise SystemExit(2) from None

wsgi_app = "acts_app.factory:create_app()"
worker_class = "acts_app.lane_worker.LaneWorker"
workers = 1
threads = _settings.threads
bind = _settings.bind
worker_connections = 900  # below the 1024 files that many systems allow a process
backlog = 1024
keepalive = 75  # seconds; outlives the proxy's idle pool (30), so that the proxy is the one who closes
graceful_timeout = 30  # seconds, as long as draining may take
timeout = 60  # seconds without a sign of life from the worker's main loop, which never waits for requests
control_socket_disable = True  # a container is steered by signals and by nothing else
limit_request_line = 8190  # bytes, as at the proxy
limit_request_fields = 110  # the proxy's 100, and what it adds
limit_request_field_size = 65536  # bytes; the proxy holds the whole head below 64 KB
forwarded_allow_ips = "*"  # only the proxy can reach a container
proc_name = f"{_settings.service_name} {_settings.port}"


def pre_fork(server: Any, worker: Any) -> None:
    """The master's name in ps; gunicorn has set its own a moment before."""
    del server, worker
    setproctitle(proc_name)


def post_worker_init(worker: Any) -> None:
    """The worker's name in ps."""
    del worker
    setproctitle(f"{proc_name} worker")
