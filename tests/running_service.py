"""The whole service as people run it: `deploy/up` in a folder and on ports of its own. For e2e tests and benches."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import redis
import requests
from helpers import eventually, free_ports, title_of

from lb.redis_client import connect

ROOT = Path(__file__).resolve().parent.parent
SELFIELESS = str(Path(sys.executable).parent / "selfieless")
# What the service must not inherit from the shell that runs the tests.
OURS = (
    "LB_PORT",
    "ADMIN_PORT",
    "REDIS_URL",
    "ACTS_REDIS_URL",
    "STATE_DIR",
    "FIRST_PORT",
    "RUNTIME",
    "WINDOW_SECONDS",
    "ACTS_AUTH",
)


@dataclass
class RunningService:
    """One `up`, its addresses, and what a person would do with it."""

    process: subprocess.Popen[str]
    state_dir: Path
    environment: dict[str, str]
    session: requests.Session = field(default_factory=requests.Session)

    @property
    def lb_port(self) -> int:
        """The public port."""
        return int(self.environment["LB_PORT"])

    @property
    def first_port(self) -> int:
        """The port of container 1."""
        return int(self.environment["FIRST_PORT"])

    def url(self, path: str) -> str:
        """Through the public port."""
        return f"http://127.0.0.1:{self.lb_port}{path}"

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        """One request through the public port, with a deadline."""
        return self.session.request(method, self.url(path), timeout=30, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        """GET through the public port."""
        return self.request("GET", path, **options)

    def redis(self) -> "redis.Redis":
        """The state, as redis-cli would see it."""
        return connect(self.variable("REDIS_URL"))

    def variable(self, name: str) -> str:
        """A variable of the running service, from the file that `up` leaves for the command line."""
        lines = (self.state_dir / "run" / "service.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)[name]

    def command(self, *words: str, status: int = 0) -> str:
        """What `selfieless …` prints; its exit status must be `status`."""
        done = subprocess.run(
            [SELFIELESS, *words], env=self.environment, capture_output=True, text=True, check=False, timeout=30
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def command_of_supervisor(self, *words: str) -> None:
        """`supervisorctl start redis-acts`, and the like."""
        configuration = self.state_dir / "run" / "supervisord.conf"
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(configuration), words[0]]
        subprocess.run([*command, f"service:{words[1]}"], check=True, capture_output=True, timeout=30)

    def ring(self) -> dict[str, str]:
        """Port to address of the containers that receive traffic."""
        with self.redis() as client:
            return client.hgetall("acts:ring")  # type: ignore[return-value]

    def scale(self, number: int | str, within: float = 60.0) -> None:
        """Fix the number of containers and wait until so many serve."""
        self.command("scale", str(number))
        if number != "auto":
            eventually(lambda: len(self.ring()) == number, within)

    def begin_with_none_counted(self) -> None:
        """One container, no request in the last seconds, and from now on requests decide."""
        self.scale(1)
        with self.redis() as client:
            eventually(lambda: client.zcount("acts:requests", time.time() - 6, "+inf") == 0, within=15)
        self.scale("auto")

    def pid_on(self, port: int) -> int:
        """The pid of the container on a port, 0 while there is none."""
        with self.redis() as client:
            return int(str(client.hget(f"acts:container:{port}", "pid") or 0))

    def processes(self) -> list[psutil.Process]:
        """Everything that belongs to the service."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def titles(self) -> dict[int, str]:
        """What ps shows for each living process of the service."""
        return {process.pid: title for process in self.processes() if (title := title_of(process))}


@contextmanager
def running_service(state_dir: Path | None = None, **variables: str) -> Iterator[RunningService]:
    """Start a service, wait until it says that it runs, stop it with TERM, and leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="slf-") as own:
        service = start(state_dir or Path(own), variables)
        try:
            wait_until_started(service)
            yield service
        finally:
            stop(service)


def start(state_dir: Path, variables: dict[str, str]) -> RunningService:
    """Start `deploy/up` without waiting for anything."""
    clean = {name: value for name, value in os.environ.items() if name not in OURS}
    first = free_ports(12)  # in a row, lest one of the two is by chance among the containers'
    ports = {"FIRST_PORT": str(first), "LB_PORT": str(first + 10), "ADMIN_PORT": str(first + 11)}
    environment = {**clean, "STATE_DIR": str(state_dir), "RUNTIME": "process", **ports, **variables}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "deploy" / "up")],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return RunningService(process, state_dir, environment)


def wait_until_started(service: RunningService) -> list[str]:
    """Read what `up` prints until its last line of advice; what it printed."""
    assert service.process.stdout is not None
    said = []
    for line in service.process.stdout:
        said.append(line)
        if line.strip().startswith("Stop "):
            return said
    raise AssertionError("up ended before it had started:\n" + "".join(said) + logs(service.state_dir))


def logs(state_dir: Path) -> str:
    """The end of every log, for a failure that somebody must understand."""
    ends = [f"── {path.name}\n{path.read_text()[-1500:]}" for path in sorted(state_dir.glob("logs/*.log"))]
    return "\n".join(ends)


def stop(service: RunningService) -> float:
    """TERM, and the seconds until the end; KILL to all of it after 20 s."""
    began, below = time.monotonic(), []
    if service.process.poll() is None:
        below = service.processes()
        service.process.send_signal(signal.SIGTERM)
    try:
        service.process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        for process in [*below, psutil.Process(service.process.pid)]:
            if process.is_running():
                process.kill()
        service.process.communicate(timeout=5)
    service.session.close()
    return time.monotonic() - began


def served_by(answers: Sequence[requests.Response]) -> list[int]:
    """The container number of each answer."""
    return [int(answer.headers["X-Served-By"]) for answer in answers]


def as_json(text: str) -> Any:
    """What a `--json` command printed."""
    return json.loads(text)
