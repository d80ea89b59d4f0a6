"""Ending every container of ours at once, whatever its runtime: what happens when the whole service ends."""

import time

from deploy.runtime.base import Runtime


def stop_containers(runtime: Runtime, grace: float) -> None:
    """TERM to every container of ours, KILL after `grace` seconds; of the dead nothing is left, not even their logs."""
    ours = runtime.running()
    for found in ours:
        runtime.terminate(found.runtime_id)
    wait_for_none(runtime, grace)
    for found in ours:
        runtime.kill(found.runtime_id)


def wait_for_none(runtime: Runtime, seconds: float) -> None:
    """Until the runtime knows of no running container, for `seconds` at the most."""
    deadline = time.monotonic() + seconds
    while runtime.running() and time.monotonic() < deadline:
        time.sleep(0.03)
