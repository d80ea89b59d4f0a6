"""Whether the part in this container is alive: `python -m deploy.part_check`, for the engine's health checks.

Which part it is, the processes' names tell. Every part gives a sign of life in the state Redis each second from the
loop that does its work, so one that hangs gives none. While that Redis is away, or full and takes none, nothing is
known, and a part is not taken for dead for it: it goes on working, and others say what is amiss. The dashboard alone
is asked itself.
"""

import socket
import sys
from collections.abc import Iterator

import environs
import psutil
import redis

from deploy import daemon_beat, lease, state_memory
from deploy.health import HealthProbe
from deploy.launcher import WHO as DEPLOY
from lb.heartbeat import live_workers
from lb.redis_client import connect
from lb.settings import ServiceSettings, sentence

LB, DASHBOARD = "lb master", "dashboard"
DAEMONS = {DEPLOY: "deploy", "monitor": "monitor", "autoscaler": "autoscaler"}  # a process's name: who beats


def main() -> int:
    """0 while the part is well, 1 with a sentence when it is not, 2 when a variable is wrong."""
    try:
        env = environs.Env()
        service, port = ServiceSettings.from_env(env), env.int("ADMIN_PORT", 8081)
    except environs.EnvError as error:
        print(f"part_check: {sentence(error)}")
        return 2
    running = set(names())
    trouble = trouble_of_dashboard(port) if DASHBOARD in running else trouble_of(running, service)
    print(trouble or "It is well.")
    return int(bool(trouble))


def trouble_of(running: set[str], service: ServiceSettings, host: str = "") -> str:
    """What is amiss with the part that runs on this host, as a sentence; empty while it is well."""
    part = next((name for name in (LB, *DAEMONS) if name in running), None)
    if part is None:
        return "No part of the service runs here."
    try:
        with connect(service.redis_url, name="part-check") as client:
            known = not state_memory.read(client).is_full
            beats = (host or socket.gethostname()) in hosts(client, service, part)
    except redis.RedisError:
        return ""
    return "" if beats or not known else f"The {part} runs and has given no sign of life for seconds."


def trouble_of_dashboard(port: int) -> str:
    """What is amiss with the dashboard on this port, as a sentence; empty while it answers."""
    return "" if HealthProbe("/healthz", timeout=3)(f"127.0.0.1:{port}") else "The dashboard does not answer."


def hosts(client: redis.Redis, service: ServiceSettings, part: str) -> list[str]:
    """From where signs of life of such a part have come within the last seconds."""
    if part == LB:
        return [beat.host for beat in live_workers(client, service.name)]
    beat = daemon_beat.read(client, service.name, DAEMONS[part])
    waiting = lease.read_standing_by(client, service.name, DAEMONS[part])
    return [one.host for one in (beat, *waiting) if one]


def names() -> Iterator[str]:
    """What ps shows for each process that can be seen from here."""
    for process in psutil.process_iter(["cmdline"]):
        yield " ".join(process.info["cmdline"] or ()).strip()


if __name__ == "__main__":
    sys.exit(main())
