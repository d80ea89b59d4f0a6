"""`selfieless up`: the whole service in the foreground, from the first check to the last process.

Nothing is started before every check has passed. TERM or Ctrl-C stops everything within ten seconds; a second one
hurries. What outlives the service is the data in STATE_DIR.
"""

import os
import pwd
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from environs import Env, EnvError
from rich.console import Console
from rich.status import Status
from rich.text import Text

from deploy.machine import preflight, process_tree, redis_servers
from deploy.machine.reserve import NO_ROOM
from deploy.machine.service import Service, StartFailed, folder
from deploy.machine.settings import DEFAULT_STATE_DIR, RunFolder, UpSettings, for_children
from deploy.machine.tokens import tokens
from deploy.runtime.base import Runtime, RuntimeTrouble, Tell
from deploy.runtime.choose import choose_runtime
from deploy.runtime.stopping import stop_containers
from deploy.settings import DeploySettings
from lb.settings import sentence

FAILED, WRONG_SETTING = 1, 2
FOR_THE_COMMAND_LINE = (
    *("REDIS_URL", "ACTS_REDIS_URL", "STATE_DIR", "LB_PORT", "ADMIN_PORT", "RUNTIME", "SERVICE_NAME"),
    *("FIRST_PORT", "MAX_CONTAINERS", "HEALTH_PATH", "COUNT_PREFIX", "ACTS_AUTH"),
    *("WINDOW_SECONDS", "REQUESTS_PER_CONTAINER", "STABILIZATION_SECONDS", "SCALING_POLICY", "SHADOW_POLICY"),
    *("SERVICE_COMMAND", "SERVICE_IMAGE", "DOCKER_HOST", "BASE_IMAGE", "WHEELS"),  # what `deploy` prepares
)


class Stopping(BaseException):
    """Somebody pressed Ctrl-C or sent TERM. Not an Exception: nothing on the way may take it for a failure."""


@dataclass
class Signals:
    """Turns the first TERM or Ctrl-C into `Stopping`; the second ends the grace that the parts are given."""

    heard: int = 0

    def listen(self) -> None:
        """Install the handlers."""
        signal.signal(signal.SIGTERM, self._hear)
        signal.signal(signal.SIGINT, self._hear)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self.heard += 1
        if self.heard == 1:
            raise Stopping

    def hurry(self) -> bool:
        """Whether somebody asked a second time."""
        return self.heard > 1


def main(check_settings: Callable[[], None] = lambda: None) -> int:
    """Run the service until it is told to stop; the exit status of the command.

    `check_settings` reads the settings of every part, so that a wrong variable is found before anything is started;
    it raises environs' EnvError.
    """
    console = Console(highlight=False, soft_wrap=True)
    errors = Console(stderr=True, highlight=False, soft_wrap=True)
    signals = Signals()
    try:
        signals.listen()
        return checked(console, errors, signals, check_settings)
    except EnvError as error:
        errors.print(f"up: {sentence(error)}", markup=False)
        return WRONG_SETTING
    except (preflight.NotReady, redis_servers.RedisUnavailable) as error:
        errors.print(f"up: {error}", markup=False)
        return FAILED
    except RuntimeTrouble as error:
        errors.print(f"up: what an earlier start has left cannot be ended: {error}. Start again.", markup=False)
        return FAILED
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        errors.print(f"up: {error.strerror}: make room on the disk of STATE_DIR, or set STATE_DIR to another.")
        return FAILED
    except Stopping:
        return 0


def checked(console: Console, errors: Console, signals: Signals, check_settings: Callable[[], None]) -> int:
    """Everything that can be known to fail before the first process starts, then the service."""
    settings = UpSettings.from_env()
    with preflight.lock(settings.state_dir):
        service = prepare(settings, console, check_settings)
        return run(service, errors, signals)


def prepare(settings: UpSettings, console: Console, check_settings: Callable[[], None]) -> Service:
    """Check ports, given Redis servers and settings; make folders and secrets. Nothing is started yet."""
    run_folder = RunFolder.below(settings.state_dir)
    preflight.predecessor_gone(run_folder.path, seconds=settings.stop_timeout)
    lb_port = preflight.public_port(settings.lb_port)
    preflight.separate(lb_port, settings.service.ports)
    admin_port = preflight.admin_port(settings.admin_port, (lb_port, *settings.service.ports))
    environment = {**os.environ, **variables(settings, run_folder, lb_port, admin_port)}
    os.environ.update(environment)
    check_settings()
    for variable, url in (("REDIS_URL", settings.redis_url), ("ACTS_REDIS_URL", settings.acts_redis_url)):
        if url:
            redis_servers.wait_for(variable, url, seconds=2)
    runtime, why = open_runtime(console)
    environment["RUNTIME"] = runtime.name  # every part uses this one, also if another could be had later
    if not settings.keep:
        stop_containers(runtime, grace=2)  # what a killed `up` has left behind would hold the ports
    ours = {found.port for found in runtime.running()}
    preflight.container_ports(port for port in settings.service.ports if port not in ours)
    make_folders(settings, run_folder)
    write_service_file(settings.state_dir, environment)
    console.print(why, markup=False)
    if settings.lb_port is None and lb_port != preflight.DEFAULT_PORT:
        console.print(f"This account may not bind port 80: the site is on {lb_port} (LB_PORT chooses another).")
    return Service(settings, run_folder, lb_port, environment, console, runtime)


def open_runtime(console: Console) -> tuple[Runtime, str]:
    """The runtime, and a sentence that says which and why; building an image is shown step by step."""
    with console.status("Looking for a way to run containers …") as status:
        return choose_runtime(DeploySettings.from_env(Env()), teller(console, status))


def teller(console: Console, status: Status) -> Tell:
    """Shows lines as they stand: brackets in what an engine or pip says are no markup of ours."""
    if console.is_terminal:
        return lambda line: status.update(Text(line))
    return lambda line: console.print(line, markup=False)


def variables(settings: UpSettings, run_folder: RunFolder, lb_port: int, admin_port: int) -> dict[str, str]:
    """What the parts are told beyond the environment that `up` was started with."""
    secrets = tokens(settings.state_dir, os.environ)
    return for_children(settings, run_folder, lb_port=lb_port, admin_port=admin_port, tokens=secrets)


def make_folders(settings: UpSettings, run_folder: RunFolder) -> None:
    """Logs and sockets. The acts store is for this account alone, the state also for the proxy's workers."""
    folder(settings.logs)
    folder(run_folder.path, 0o711)
    # Made for this account alone. Docker containers that were kept have been let in already, and stay so.
    run_folder.acts_socket.parent.mkdir(mode=0o700, exist_ok=True)
    share_with(settings.lb_user, folder(run_folder.state_socket.parent))


def share_with(account: str, path: Path) -> None:
    """Let the account's group enter the folder; only root can, and only root's workers change accounts."""
    if os.geteuid() != 0 or not account:
        return
    try:
        group = pwd.getpwnam(account).pw_gid
    except KeyError as error:
        raise preflight.NotReady(f"LB_USER={account}: there is no such account; create it or name another.") from error
    os.chown(path, -1, group)
    path.chmod(0o750)


def write_service_file(state_dir: Path, environment: Mapping[str, str]) -> None:
    """What the command line needs to find this service again, as KEY=VALUE lines, readable by this account only."""
    path = state_dir / "run" / "service.env"
    folder(path.parent, 0o711)
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={environment[name]}\n" for name in FOR_THE_COMMAND_LINE if name in environment))


def run(service: Service, errors: Console, signals: Signals) -> int:
    """Start, wait for the end, stop: whatever happened in between, nothing is left running."""
    process_tree.become_subreaper()
    try:
        service.start()
        service.console.print(welcome(service))
        service.watch()
    except Stopping:
        service.console.print("\nStopping: the proxy finishes what it has accepted …")
        return 0
    except (StartFailed, redis_servers.RedisUnavailable) as error:
        errors.print(f"up: {error}", markup=False)
        return FAILED
    finally:
        service.stop(signals.hurry)
        service.console.print(f"Stopped. The data is in {service.settings.state_dir}.")


def welcome(service: Service) -> str:
    """Where the site is, and what to type next."""
    state = service.environment["REDIS_URL"]
    host = "http://localhost" + ("" if service.lb_port == preflight.DEFAULT_PORT else f":{service.lb_port}")
    selfieless = short(Path(sys.executable).parent / "selfieless")
    if service.settings.state_dir != DEFAULT_STATE_DIR:
        selfieless = f"STATE_DIR={short(service.settings.state_dir)} {selfieless}"
    return f"""
  The site     {host}/
  Try          curl -i {host}/api/v1/acts/count
  Look         {selfieless} status --watch
  Dashboard    {dashboard(service)}
  Ask Redis    redis-cli {redis_cli_options(state)} hgetall {service.settings.service.name}:ring
  Logs         {short(service.settings.logs)}/
  Stop         Ctrl-C
"""


def dashboard(service: Service) -> str:
    """Where the dashboard is, and what unlocks its buttons."""
    port = service.environment["ADMIN_PORT"]
    if port == "0":
        return "none (ADMIN_PORT=0, or no port from 8081 to 8099 is free)"
    file = service.settings.state_dir / "admin_token"
    token = f"token: cat {short(file)}" if service.environment["ADMIN_TOKEN"] in kept_in(file) else "token: ADMIN_TOKEN"
    return f"http://localhost:{port}/   (its buttons ask for the {token})"


def kept_in(file: Path) -> str:
    """What a file of ours holds; nothing where there is none."""
    return file.read_text() if file.exists() else ""


def short(path: Path) -> str:
    """As somebody in this folder would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def redis_cli_options(url: str) -> str:
    """How redis-cli reaches the state."""
    return f"-s {short(Path(url.removeprefix('unix://')))}" if url.startswith("unix://") else f"-u {url}"
