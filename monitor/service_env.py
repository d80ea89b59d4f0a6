"""How the command line finds a running service: the file that `up` leaves, under the real environment.

    STATE_DIR/run/service.env   KEY=VALUE lines (REDIS_URL, LB_PORT, FIRST_PORT, …)   written by `up`

Whatever the environment says itself counts more than the file.
"""

from pathlib import Path

import environs

from deploy.settings import DeploySettings


def service_file(state_dir: Path) -> Path:
    """Where `up` describes the service that it runs."""
    return state_dir / "run" / "service.env"


def service_env() -> environs.Env:
    """The environment, completed by what the running service was started with; raises environs.EnvError."""
    env = environs.Env()
    env.read_env(service_file(DeploySettings.from_env(environs.Env()).state_dir), recurse=False)
    return env
