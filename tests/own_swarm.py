"""A swarm of one node for tests: its engine shares no network and no device with others of the machine."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from docker import APIClient
from docker.errors import NotFound
from docker_images import make_base
from helpers import eventually
from swarm_nodes import Node, swarm_nodes


@dataclass
class Swarm:
    """Its one node, and a client of its engine."""

    node: Node
    api: APIClient

    def container_of(self, task_id: str) -> str:
        """The id of a task's container."""
        return str(self.api.inspect_task(task_id)["Status"]["ContainerStatus"]["ContainerID"])

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
    with swarm_nodes(1) as testbed:
        (node,) = testbed.nodes
        with closing(node.api()) as api:
            make_base(api)
            yield Swarm(node, api)
