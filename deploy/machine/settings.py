"""What `up` itself needs to know, read once from the environment.

The parts that `up` starts read their own settings; they inherit the environment that `for_children` completes.
"""

import os
import pwd
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from environs import Env, ValidationError, validate

from deploy.machine.disk_guard import RESERVE
from lb.secret_files import secret, with_password
from lb.settings import NOT_NEGATIVE, PORT, POSITIVE, ServiceSettings

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_STATE_DIR = ROOT / "var"
SOCKET_PATH_LIMIT = 107  # bytes that fit into sockaddr_un.sun_path on Linux, without the final NUL


def is_address_of_ours(address: str) -> None:
    """Refuse what no server of this machine can listen at."""
    try:
        with socket.create_server((address, 0)):
            pass
    except OSError as error:
        raise ValidationError(f"is no IPv4 address or name of this machine ({error.strerror})") from error


def is_account(name: str) -> None:
    """Refuse an account that is none, where workers change theirs: as root. Empty: they stay what they are."""
    try:
        if name and os.geteuid() == 0:
            pwd.getpwnam(name)
    except KeyError as error:
        raise ValidationError("there is no such account; create it or name another.") from error


@dataclass(frozen=True)
class UpSettings:
    """Settings of one machine's service; ports are TCP ports, times are seconds."""

    state_dir: Path
    lb_port: int | None  # None: 80, or 8080 where 80 may not be bound
    redis_url: str | None  # None: `up` starts the server itself
    acts_redis_url: str | None
    service: ServiceSettings
    admin_port: int | None = None  # of the dashboard; None: 8081 or the next free one, 0: no dashboard
    admin_address: str = "127.0.0.1"  # where it listens
    state_redis_port: int = 0  # 0: the state Redis is reached by its unix socket alone
    lb_user: str = "nobody"  # the account of the proxy's workers, when started as root
    start_timeout: float = 60.0  # a loaded two-core machine needs 5; reading a big append-only file takes the rest
    stop_timeout: float = 9.0  # Ctrl-C promises ten seconds; the last one is for the sweep
    keep: bool = False  # Docker containers outlive `up`
    disk_reserve: int = RESERVE  # bytes of disk for the acts store; 0: none

    @classmethod
    def from_env(cls, env: Env | None = None) -> "UpSettings":
        """Read the variables; environs' EnvError names the one that is wrong."""
        env = env or Env()
        return cls(
            state_dir=Path(env.str("STATE_DIR", "") or DEFAULT_STATE_DIR).absolute(),
            lb_port=env.int("LB_PORT", None, validate=PORT),
            redis_url=with_password(env.str("REDIS_URL", ""), secret(env, "REDIS_PASSWORD")) or None,
            acts_redis_url=with_password(env.str("ACTS_REDIS_URL", ""), secret(env, "ACTS_REDIS_PASSWORD")) or None,
            service=ServiceSettings.from_env(env),
            admin_port=env.int("ADMIN_PORT", None, validate=validate.Range(0, 65535)),
            admin_address=env.str("ADMIN_ADDRESS", cls.admin_address, validate=is_address_of_ours),
            state_redis_port=env.int("STATE_REDIS_PORT", 0, validate=validate.Range(0, 65535)),
            lb_user=env.str("LB_USER", cls.lb_user, validate=is_account),
            start_timeout=env.float("START_TIMEOUT", cls.start_timeout, validate=POSITIVE),
            keep=env.bool("KEEP", cls.keep),
            disk_reserve=env.int("DISK_RESERVE", cls.disk_reserve, validate=NOT_NEGATIVE),
        )

    @property
    def logs(self) -> Path:
        """Where every part writes its log."""
        return self.state_dir / "logs"


@dataclass(frozen=True)
class RunFolder:
    """Where the sockets of one run lie, and what is derived from that."""

    path: Path

    @property
    def supervisor_socket(self) -> Path:
        """The supervisor's own control socket."""
        return self.path / "supervisor.sock"

    @property
    def state_socket(self) -> Path:
        """State Redis. In a folder of its own, which the account of the proxy workers may enter."""
        return self.path / "state" / "state.sock"

    @property
    def acts_socket(self) -> Path:
        """The acts store."""
        return self.path / "acts" / "acts.sock"

    @classmethod
    def below(cls, state_dir: Path) -> "RunFolder":
        """`state_dir`/run, or a short temporary folder where a socket's path would not fit into 107 bytes."""
        folder = cls(state_dir / "run")
        if len(os.fsencode(folder.supervisor_socket)) <= SOCKET_PATH_LIMIT:
            return folder
        return cls(Path(tempfile.mkdtemp(prefix="selfieless-", dir="/tmp")))


def for_children(
    settings: UpSettings, run: RunFolder, *, lb_port: int, admin_port: int, tokens: Mapping[str, str]
) -> dict[str, str]:
    """The variables that every part gets on top of the environment `up` was started with."""
    return {
        "STATE_DIR": str(settings.state_dir),
        "LB_PORT": str(lb_port),
        "ADMIN_PORT": str(admin_port),
        "REDIS_URL": settings.redis_url or f"unix://{run.state_socket}",
        "ACTS_REDIS_URL": settings.acts_redis_url or f"unix://{run.acts_socket}",
        "PYTHONUNBUFFERED": "1",
        **tokens,
    }
