"""What the deploy worker is told through the environment, read once at the edge."""

import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import environs
from environs import validate

from deploy.runtime.docker_settings import DockerSettings
from lb.settings import NOT_NEGATIVE, POSITIVE, ServiceSettings

ROOT = Path(__file__).resolve().parent.parent  # the checkout: from here the acts app can be imported
RUNTIMES = ("auto", "docker", "process", "swarm")
ACTS_COMMAND = (sys.executable, "-m", "gunicorn", "-c", "python:acts_app.gunicorn_conf")


def is_shell_line(text: str) -> None:
    """Refuse a command that cannot be split like a shell line."""
    try:
        shlex.split(text)
    except ValueError as error:
        raise environs.ValidationError(f"cannot be split into words: {error}") from error


def command_of(env: environs.Env) -> tuple[str, ...]:
    """SERVICE_COMMAND split like a shell line; the acts app when it is empty or not given."""
    words = shlex.split(env.str("SERVICE_COMMAND", "", validate=is_shell_line))
    return tuple(words) or ACTS_COMMAND


@dataclass(frozen=True)
class DeploySettings:
    """Times are seconds."""

    service: ServiceSettings = field(default_factory=ServiceSettings)
    runtime: str = "auto"
    state_dir: Path = ROOT / "var"  # logs and the process runtime's records
    command: tuple[str, ...] = ACTS_COMMAND  # what a process container runs
    docker: DockerSettings = field(default_factory=DockerSettings)
    boot_timeout: float = 30.0  # from the start to the first 200 of the health path; slow images need some
    drain_timeout: float = 30.0  # as long as the proxy waits for a container's answer
    keep: bool = False  # containers outlive `up`
    stop_grace: float = 5.0  # from TERM to KILL: it was drained before, nothing is in flight

    @classmethod
    def from_env(cls, env: environs.Env | None = None) -> Self:
        """Read the variables; raises environs.EnvError naming the one that is wrong."""
        env = env or environs.Env()
        return cls(
            service=ServiceSettings.from_env(env),
            runtime=env.str("RUNTIME", cls.runtime, validate=validate.OneOf(RUNTIMES)),
            state_dir=Path(env.str("STATE_DIR", "") or cls.state_dir).absolute(),
            command=command_of(env),
            docker=DockerSettings.from_env(env),
            boot_timeout=env.float("BOOT_TIMEOUT", cls.boot_timeout, validate=POSITIVE),
            drain_timeout=env.float("DRAIN_TIMEOUT", cls.drain_timeout, validate=NOT_NEGATIVE),
            keep=env.bool("KEEP", cls.keep),
            stop_grace=env.float("STOP_GRACE", cls.stop_grace, validate=NOT_NEGATIVE),
        )
