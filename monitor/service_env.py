"""How the command line finds a running service: the file that `up` leaves, under the real environment.

    STATE_DIR/run/service.env   KEY=VALUE lines (REDIS_URL, LB_PORT, FIRST_PORT, …)   written by `up`

Whatever the environment says itself counts more than the file, which only the account that runs `up` can read: others
name the state Redis themselves, where it can be reached.
"""

import os
from pathlib import Path

import click
import environs

from deploy.settings import DeploySettings


def service_file(state_dir: Path) -> Path:
    """Where `up` describes the service that it runs."""
    return state_dir / "run" / "service.env"


def service_env() -> environs.Env:
    """The environment, completed by what the running service was started with.

    Raises environs.EnvError, and click.ClickException where this account may not read the file and has no REDIS_URL.
    """
    env = environs.Env()
    file = service_file(DeploySettings.from_env(environs.Env()).state_dir)
    try:
        env.read_env(file, recurse=False)
    except PermissionError as error:
        if not os.environ.get("REDIS_URL"):
            raise click.ClickException(not_ours(file)) from error
    return env


def not_ours(file: Path) -> str:
    """What somebody can do whose account is not the one of `up`."""
    return (
        f"{file} cannot be read: the service belongs to another account. Use that one (sudo), or set REDIS_URL where "
        "its state Redis has a port (STATE_REDIS_PORT)."
    )
