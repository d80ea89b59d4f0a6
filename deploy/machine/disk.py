"""The disk guard as a process of its own, where the acts store was not started by `up`: `python -m deploy.part disk`.

Under compose and systemd. It runs as the account of the store, beside its folder, STATE_DIR/acts.
"""

import logging
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import environs
from setproctitle import setproctitle

from deploy.machine.disk_guard import LOOK_SECONDS, RESERVE, DiskGuard, guard_of
from deploy.settings import DeploySettings
from deploy.ticker import Ticker
from lb.secret_files import secret, with_password
from lb.settings import NOT_NEGATIVE, ServiceSettings, sentence

WHO = "disk guard"


@dataclass(frozen=True)
class DiskSettings:
    """What the guard is told; `reserve` is in bytes, 0: nothing is guarded."""

    service: ServiceSettings
    acts_redis_url: str
    folder: Path
    reserve: int = RESERVE

    @classmethod
    def from_env(cls, env: environs.Env | None = None) -> Self:
        """Read the variables; raises environs.EnvError naming the one that is wrong."""
        env = env or environs.Env()
        return cls(
            service=ServiceSettings.from_env(env),
            acts_redis_url=with_password(env.str("ACTS_REDIS_URL"), secret(env, "ACTS_REDIS_PASSWORD")),
            folder=Path(env.str("STATE_DIR", "") or DeploySettings.state_dir).absolute() / "acts",
            reserve=env.int("DISK_RESERVE", RESERVE, validate=NOT_NEGATIVE),
        )


def main() -> int:
    """Look until TERM or INT; 2 when a variable is wrong."""
    setproctitle(WHO)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = DiskSettings.from_env()
    except environs.EnvError as error:
        print(f"{WHO}: {sentence(error)}", file=sys.stderr)
        return 2
    run(settings)
    return 0


def run(settings: DiskSettings) -> None:
    """Look until TERM or INT; without a reserve only wait for that."""
    end, ticker = threading.Event(), Ticker(LOOK_SECONDS)

    def finish(*_: object) -> None:
        end.set()
        ticker.wake()

    signal.signal(signal.SIGTERM, finish)
    signal.signal(signal.SIGINT, finish)
    if settings.reserve:
        ticker.run(guard(settings).tick, end)
    end.wait()


def guard(settings: DiskSettings) -> DiskGuard:
    """The guard with everything real."""
    return guard_of(settings.acts_redis_url, settings.service, settings.folder, settings.reserve, WHO)


if __name__ == "__main__":
    sys.exit(main())
