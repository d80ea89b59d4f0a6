"""A swarm of one node for tests, on an engine of its own: other engines of the machine stay out of it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from docker import APIClient
from docker.errors import NotFound
from docker_images import make_base
from helpers import eventually, free_port
from own_engine import OwnEngine, own_engine

GATEWAY_BRIDGE = "docker_gwbridge"  # every engine in a swarm makes it, under this name
POOL = "192.168.224.0/20"  # of the overlays


@dataclass
class Swarm:
    """Its one node's engine, and a client of it."""

    engine: OwnEngine
    api: APIClient

    def container_of(self, task_id: str) -> str:
        """The id of a task's container."""
        return str(self.api.inspect_task(task_id)["Status"]["ContainerStatus"]["ContainerID"])

    def engine_says(self, *words: str) -> str:
        """What a `docker` command prints there."""
        environment = {**os.environ, "DOCKER_HOST": self.engine.host}
        return subprocess.run(["docker", *words], env=environment, check=True, capture_output=True, text=True).stdout

    def remove_services(self, label: str) -> None:
        """Remove the services with a label, and wait until their containers are gone."""
        for one in self.api.services(filters={"label": label}):
            with suppress(NotFound):
                self.api.remove_service(one["ID"])
        for one in self.api.containers(filters={"label": label}):
            with suppress(NotFound):
                self.api.remove_container(one["Id"], force=True)
        eventually(lambda: not self.api.containers(filters={"label": label}), within=20)


@contextmanager
def own_swarm() -> Iterator[Swarm]:
    """A swarm that is ready, with the base image; nothing of it is left at the end. Skips where it cannot be had."""
    there_before = Path("/sys/class/net", GATEWAY_BRIDGE).exists()
    with own_engine() as engine:
        engine.start()
        with closing(engine.api()) as api:
            make_base(api)
            api.init_swarm("127.0.0.1", f"127.0.0.1:{free_port()}", default_addr_pool=[POOL], subnet_size=26)
            yield Swarm(engine, api)
            for one in api.services():
                api.remove_service(one["ID"])
            eventually(lambda: not api.containers(all=True), within=30, every=0.1)
            api.leave_swarm(force=True)
    if not there_before and Path("/sys/class/net", GATEWAY_BRIDGE).exists():
        subprocess.run(["ip", "link", "delete", GATEWAY_BRIDGE], check=True)
