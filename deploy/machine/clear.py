"""Ends every container of the service: `python -m deploy.machine.clear`.

`up` does this at its own end. Where somebody else supervises the parts, it is asked for when all of them have ended.
"""

import sys

import environs

from deploy.runtime.base import RuntimeTrouble
from deploy.runtime.choose import choose_runtime
from deploy.runtime.stopping import stop_containers
from deploy.settings import DeploySettings
from lb.settings import sentence

GRACE = 2.0  # seconds from TERM to KILL: nothing is in flight any more


def main() -> int:
    """0 when none is left, 1 with a sentence when that could not be done, 2 when a variable is wrong."""
    try:
        runtime, _ = choose_runtime(DeploySettings.from_env(environs.Env()))
    except environs.EnvError as error:
        print(f"clear: {sentence(error)}", file=sys.stderr)
        return 2
    try:
        stop_containers(runtime, GRACE)
    except RuntimeTrouble as error:
        print(f"clear: the containers could not be stopped: {error}.", file=sys.stderr)
        return 1
    finally:
        runtime.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
