"""gunicorn's settings for the proxy: `gunicorn -c python:lb.gunicorn_conf` from the project's root starts it.

Every value can be overridden on gunicorn's command line or in GUNICORN_CMD_ARGS, as with any gunicorn. Code
is loaded by the master: HUP replaces the workers and reads certificates anew, USR2 starts a new master with
new code.
"""

import itertools
import os
import sys
from typing import Any

import environs
import setproctitle

from lb.account import worker_account
from lb.settings import LbSettings, sentence

MEMORY = "/dev/shm"  # noqa: S108 - gunicorn makes its files there safely


def settings_or_exit() -> LbSettings:
    """The settings; one sentence and exit code 2 when a variable is wrong."""
    try:
        return LbSettings.from_env()
    except environs.EnvError as error:
        sys.stderr.write(f"lb: {sentence(error)}\n")
        raise SystemExit(2) from error


def on_starting(server: Any) -> None:
    """Called in the master before it listens: refuse what would not do what it says."""
    if server.cfg.proxy_protocol != "off" and server.cfg.is_ssl:
        sys.stderr.write(
            "lb: proxy_protocol cannot be used together with a certificate, because its header would have to be read"
            " before the TLS handshake; let the balancer end TLS, or leave --proxy-protocol out.\n"
        )
        raise SystemExit(2)


def pre_fork(server: Any, worker: Any) -> None:
    """Called in the master before each fork; gunicorn has named the process itself by then."""
    setproctitle.setproctitle("lb master")
    worker.number = free_number({other.number for other in server.WORKERS.values()})


def free_number(taken: set[int]) -> int:
    """The lowest number from 1 that is not taken: who replaces a dead worker is called as that one was."""
    return next(number for number in itertools.count(1) if number not in taken)


def when_ready(server: Any) -> None:
    """Called in the master when it listens: say aloud what is odd."""
    if account.warning:
        server.log.warning(account.warning)


settings = settings_or_exit()
account = worker_account(settings.user, settings.service.redis_url)

wsgi_app = "lb.worker:ProxyWorker"  # gunicorn wants one; the worker never loads it
worker_class = "lb.worker.ProxyWorker"
proc_name = "lb"
bind = [f"0.0.0.0:{settings.port}"]
workers = settings.workers
worker_connections = 4096  # clients per worker; each costs some 10 KB
backlog = 4096
keepalive = 75  # seconds, as nginx: a browser that comes back within a minute finds its connection
timeout = 30  # a worker that has not said it lives for so long hangs
# It says so by a file, four times a second and from its loop: on a disk that is busy it would stand still for that.
worker_tmp_dir = MEMORY if os.access(MEMORY, os.W_OK | os.X_OK) else None
graceful_timeout = 30
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 8190
control_socket_disable = True  # nobody here uses it
if account.user:
    user = account.user
    group = account.group
