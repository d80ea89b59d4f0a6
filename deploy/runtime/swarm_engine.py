"""Containers of a Docker swarm: each is a service of one replica, which Swarm places on a node and keeps running there.

The runtime id is that of the task, not of the service: when Swarm has started another one, because a node was lost or
a container has ended, that is another container, at another address. It takes its port's place by the ordinary story
of a relaunch, whose `start` takes over what runs already.

    selfieless.task        label of the service: the task that was taken over last
    selfieless.generation  label of the service: for which generation that was

Services belong to us by their labels, their names are for people (`acts-8000`), yet Swarm allows each once, which makes
the first of two starts win. A service goes when its container is told to end; so one that is scaled to 0 is a person's
doing.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, cast

import requests
from docker import APIClient
from docker.errors import APIError, DockerException, NotFound

from deploy.runtime import docker_engine, docker_events, swarm_image, swarm_tasks
from deploy.runtime.base import (
    Found,
    ImageMissing,
    KillFailed,
    PortBusy,
    RuntimeAway,
    RuntimeRefused,
    RuntimeTrouble,
    StartFailed,
    Tell,
)
from deploy.runtime.docker_configuration import LABEL, are_ours, as_filter, labels_of, own_labels, store_socket
from deploy.runtime.docker_engine import FROZEN, gateway_of, refusal, seconds_of, unless_gone
from deploy.runtime.swarm_service import service
from deploy.runtime.swarm_tasks import Answer, container_of, current, has_ended, has_run, node_of, runs, told_by
from deploy.settings import DeploySettings

ON_NODE = "node.id=="  # how a constraint begins
TASK = f"{LABEL}task"
GENERATION = f"{LABEL}generation"
GATEWAY_NETWORK = "docker_gwbridge"  # through which a node reaches the containers that it publishes
BUSY_IN_THE_SWARM = "host-mode port already in use"
OUT_OF_SEQUENCE = "update out of sequence"  # somebody else has changed it meanwhile
START_ATTEMPTS = 5  # each is lost to somebody else's start or removal only
LOOK_AGAIN = 0.05
RELEASE_SECONDS = 10.0  # for Swarm to notice that a published port is free again; seen: up to 9
PLACE_SECONDS = 5.0  # for Swarm to find a node; it needs a tenth of one where there is one
START_SECONDS = 60.0  # for the container to run, its image fetched before, where its node has to
NETWORK_SECONDS = 2.0  # until a network is listed that somebody has just made; its name is taken a moment before
END_SECONDS = 10.0  # for Swarm to tell that a container has ended, beyond the grace that it has
NODES_SECONDS = 0.5  # how old an answer about the nodes may be: Swarm takes 15 s to give up on one
DEAD_SECONDS = 600.0  # how long a service that somebody has scaled to 0 is kept, for him to scale it up again
LAST_LINES = 2
LAST_CHARACTERS = 1000


@contextmanager
def asking() -> Iterator[None]:
    """The engine's silence, and that of the managers behind it, as RuntimeAway; other errors as RuntimeRefused."""
    with docker_engine.asking():
        try:
            yield
        except APIError as error:
            if not error.is_server_error():
                raise
            raise RuntimeAway(f"the swarm cannot be asked ({error.explanation or error})") from error


class SwarmEngine:
    """The swarm runtime, over the engine of one of its managers."""

    name = "swarm"

    def __init__(self, settings: DeploySettings, api: APIClient, dead_seconds: float = DEAD_SECONDS) -> None:
        self._settings = settings
        self._docker = settings.docker
        self._service = settings.service
        self._api: Any = api  # whose types do not know services
        self._dead_seconds = dead_seconds
        self._network = settings.docker.swarm_network or settings.service.name
        self._nodes_seen: tuple[float, Mapping[str, Answer]] = (-NODES_SECONDS, {})

    def prepare(self, image: str, tell: Tell) -> str:
        """As the protocol says, in the engine of this manager; the other nodes fetch it from its registry."""
        with asking():
            return swarm_image.prepared(self._api, self._docker, self._service.name, image, tell)

    def start(self, port: int, generation: int, image: str = "", node: str = "") -> Found:
        """As the protocol says; returns once the container runs on a node and has its address."""
        with asking():
            for _ in range(START_ATTEMPTS):
                found = self._there(port, generation, image) or self._started(port, generation, image, node)
                if found:
                    return found
        raise StartFailed(f"port {port}: others started and removed services there all the time")

    def terminate(self, runtime_id: str) -> None:
        """As the protocol says: its service goes, and Swarm sends TERM, and KILL when the grace is over."""
        with asking():
            task = self._task(runtime_id)
            if task:
                self._dismissed(task)

    def kill(self, runtime_id: str) -> None:
        """As the protocol says. Where Swarm has started another one meanwhile, this one is Swarm's to end.

        On another node only Swarm can do it, which asks first: one that hangs has its grace. One whose node is down
        counts as gone.
        """
        with asking():
            task = self._task(runtime_id)
            if task and self._dismissed(task):
                self._struck(task)
                self._wait_until_ended(task)

    def pause(self, runtime_id: str) -> None:
        """As the protocol says, on this manager's node. Raises RuntimeRefused for a container on another one."""
        with asking():
            if (container := self._local(runtime_id)) and container["State"]["Status"] == "running":
                unless_gone(partial(self._api.pause, container["Id"]))

    def resume(self, runtime_id: str) -> None:
        """As the protocol says, on this manager's node. Raises RuntimeRefused for a container on another one."""
        with asking():
            if (container := self._local(runtime_id)) and container["State"]["Status"] == FROZEN:
                unless_gone(partial(self._api.unpause, container["Id"]))

    def running(self) -> list[Found]:
        """As the protocol says. Of two on a port the one that Swarm wants to run is meant."""
        with asking():
            tasks = [task for task in self._tasks(label=self._own_labels()) if runs(task, self._down())]
            services = {one["ID"]: one for one in self._services()}
            frozen = self._frozen()
        wanted_last = sorted(tasks, key=lambda task: (task["DesiredState"] == swarm_tasks.RUNNING, task["CreatedAt"]))
        found = (self._found(task, services.get(task["ServiceID"]), frozen) for task in wanted_last)
        return sorted({one.port: one for one in found}.values(), key=lambda one: one.port)

    def nodes(self) -> list[str]:
        """As the protocol says. A node that is drained or paused, or does not answer, takes none."""
        with asking():
            allowed = {self._own_node} if self._is_bound() else self._nodes().keys()
            return sorted(self._name_of(name) for name in allowed if swarm_tasks.takes_more(self._nodes()[name]))

    def find(self, runtime_id: str) -> Found | None:
        """As the protocol says."""
        with asking():
            task = self._task(runtime_id)
            return self._found(task, self._service_of(task), self._frozen(task)) if task else None

    def stopped_by_hand(self, runtime_id: str) -> bool:
        """As the protocol says: somebody has scaled its service to 0."""
        if not runtime_id:
            return False
        with asking():
            services = self._services(f"{TASK}={runtime_id}")
        return any(replicas_of(one) == 0 for one in services)

    def last_words(self, runtime_id: str) -> str:
        """As the protocol says."""
        try:
            task = self._task(runtime_id)
            if task is None:
                return ""
            ending, written = swarm_tasks.ending_of(task, self._down()), self._written(task)
        except (DockerException, requests.RequestException, RuntimeTrouble):
            return ""
        lines = [line.strip() for line in written[-LAST_CHARACTERS:].splitlines() if line.strip()]
        return "; ".join(filter(None, [ending, *lines[-LAST_LINES:]]))

    def watch(self, heard: Callable[[], None], until: threading.Event) -> None:
        """As the protocol says. Swarm tells of nodes and services, an engine only of its own containers."""
        of_this_node = {"event": list(docker_events.CHANGES), "label": self._own_labels()}
        of_the_swarm = {"scope": ["swarm"], "type": ["node", "service"]}
        for told in (of_this_node, of_the_swarm):
            arguments = (self._api, told, heard, until)
            threading.Thread(target=docker_events.listen, args=arguments, name="swarm events", daemon=True).start()

    def housekeep(self) -> None:
        """Remove services that were scaled to 0 long ago. Swarm itself bounds what is kept of what has ended."""
        with asking():
            for one in self._services():
                if replicas_of(one) == 0 and seconds_of(one["UpdatedAt"]) < time.time() - self._dead_seconds:
                    self._remove(one)

    def close(self) -> None:
        """As the protocol says."""
        self._api.close()

    # What is there.

    def _own_labels(self) -> list[str]:
        return as_filter(own_labels(self._settings))

    def _tasks(self, **filters: object) -> list[Answer]:
        return cast("list[Answer]", self._api.tasks(filters=filters))

    def _services(self, *labels: str) -> list[Answer]:
        """Our services, with these labels too."""
        return cast("list[Answer]", self._api.services(filters={"label": [*self._own_labels(), *labels]}))

    def _task(self, runtime_id: str) -> Answer | None:
        """A task of ours by its whole id."""
        if not runtime_id:
            return None
        try:
            task = cast("Answer", self._api.inspect_task(runtime_id))
        except NotFound:
            return None
        ours = are_ours(swarm_tasks.labels_of(task), self._settings)
        return task if ours and task["ID"] == runtime_id else None

    def _service_of(self, task: Answer) -> Answer | None:
        """A task's service; None when that has gone before it."""
        try:
            return cast("Answer", self._api.inspect_service(task["ServiceID"]))
        except NotFound:
            return None

    def _nodes(self) -> Mapping[str, Answer]:
        """All nodes by their id, as they were a moment ago."""
        seen, nodes = self._nodes_seen
        if time.monotonic() - seen >= NODES_SECONDS:
            nodes = {node["ID"]: node for node in self._api.nodes()}
            self._nodes_seen = time.monotonic(), nodes
        return nodes

    def _down(self) -> set[str]:
        return {name for name, node in self._nodes().items() if swarm_tasks.is_down(node)}

    @cached_property
    def _own_node(self) -> str:
        """The id of the node whose engine this is."""
        with asking():
            return str(self._api.info()["Swarm"]["NodeID"])

    def _frozen(self, task: Answer | None = None) -> set[str]:
        """The containers, or that of the task alone, that are paused. Only those of this node can be known."""
        if task and node_of(task) != self._own_node:
            return set()
        filters = {"label": self._own_labels(), "status": FROZEN}
        return {one["Id"] for one in self._api.containers(filters=filters)}

    def _local(self, runtime_id: str) -> dict[str, Any] | None:
        """A task's container, as the engine of this node sees it; None when it is gone."""
        task = self._task(runtime_id)
        if task is None:
            return None
        if node_of(task) != self._own_node:
            where = self._name_of(node_of(task))
            told = f"the container runs on node {where}, and only that node's engine can pause it"
            raise RuntimeRefused(f"{told}: name one that runs here")
        return self._inspected(task)

    def _inspected(self, task: Answer) -> dict[str, Any] | None:
        if node_of(task) != self._own_node or not container_of(task):
            return None
        try:
            return cast("dict[str, Any]", self._api.inspect_container(container_of(task)))
        except NotFound:
            return None

    def _name_of(self, node: str) -> str:
        """A node's name: that of its machine, with the node's id where two have the same."""
        names = {name: str(one["Description"]["Hostname"]) for name, one in self._nodes().items()}
        is_alone = list(names.values()).count(names.get(node, "")) == 1
        return names[node] if is_alone else "-".join(filter(None, [names.get(node), node]))

    def _found(self, task: Answer, its_service: Answer | None, frozen: set[str]) -> Found:
        told = {**swarm_tasks.labels_of(task), **(its_service["Spec"]["Labels"] if its_service else {})}
        port = int(told[f"{LABEL}port"])
        return Found(
            task["ID"],
            port,
            self._address(task, port),
            runs(task, self._down()),
            int(told[GENERATION]),
            image=told[f"{LABEL}image"],
            node=self._name_of(node_of(task)),
            frozen=container_of(task) in frozen,
        )

    def _address(self, task: Answer, port: int) -> str:
        if not self._docker.is_published:
            return f"{swarm_tasks.overlay_address(task, self._network)}:{self._docker.port}"
        otherwise = self._docker.publish_address
        node = self._nodes().get(node_of(task))
        return f"{swarm_tasks.node_address(node, otherwise) if node else otherwise}:{port}"

    def _written(self, task: Answer) -> str:
        """The last lines that a task has written, from wherever it ran."""
        if self._inspected(task):
            return str(self._api.logs(container_of(task), tail=LAST_LINES).decode(errors="replace"))
        told = self._api.service_logs(
            task["ServiceID"], details=True, stdout=True, stderr=True, tail=LAST_LINES, is_tty=False
        )
        return "\n".join(lines_of(task["ID"], told))

    # What runs already.

    def _there(self, port: int, generation: int, image: str) -> Found | None:
        """The living container of ours on a port. What is left of dead ones there is removed, and frozen ones."""
        for one in self._services(f"{LABEL}port={port}"):
            if found := self._usable(one, generation, image):
                return found
        return None

    def _usable(self, one: Answer, generation: int, image: str) -> Found | None:
        if self._is_to_run(one, generation) and (found := self._placed(one["ID"], port_of(one))):
            if not found.alive:
                return found  # it was started for this generation, and that is how it went
            if not found.frozen:
                return self._taken_over(found, generation, image)
            self.kill(found.runtime_id)
        self._remove(one)
        return None

    def _is_to_run(self, one: Answer, generation: int) -> bool:
        """Whether something runs or soon will; also who was asked for the same is waited for, however it ends."""
        if replicas_of(one) == 0:
            return False
        begun = one["Spec"]["Labels"][GENERATION] == str(generation) and TASK not in one["Spec"]["Labels"]
        return begun or current(self._tasks(service=one["ID"]), self._down()) is not None

    def _taken_over(self, found: Found, generation: int, image: str) -> Found | None:
        """What runs, and whoever asks first gets one that Swarm has started again: that was for nobody yet.

        None when the service has changed meanwhile.
        """
        task = self._task(found.runtime_id)
        one = self._service_of(task) if task else None
        if one is None:
            return None
        noted = one["Spec"]["Labels"].get(TASK, "")
        if noted == found.runtime_id or (image and image != found.image):
            return found
        taken = replace(found, generation=generation) if noted else found
        labels = {TASK: found.runtime_id, GENERATION: str(taken.generation)}
        return taken if self._changed(one, labels) else None

    def _changed(self, one: Answer, labels: Mapping[str, str]) -> bool:
        """Change labels of a service as it was read; False when somebody was quicker. Its task goes on."""
        spec = one["Spec"]
        try:
            self._api.update_service(
                one["ID"],
                one["Version"]["Index"],
                task_template=self._unbound(spec["TaskTemplate"]),
                name=spec["Name"],
                labels={**spec["Labels"], **labels},
                mode=spec["Mode"],
                endpoint_spec=spec.get("EndpointSpec"),
            )
        except NotFound:
            return False
        except APIError as error:
            if OUT_OF_SEQUENCE not in str(error.explanation):
                raise
            return False
        return True

    def _unbound(self, template: Answer) -> dict[str, Any]:
        """A template without the node that was asked for: the task stays where it is, the next may go elsewhere."""
        placement = template.get("Placement") or {}
        kept = [one for one in placement.get("Constraints") or [] if not one.startswith(ON_NODE)]
        return {**template, "Placement": {**placement, "Constraints": [*kept, *self._places()]}}

    # What is made.

    def _started(self, port: int, generation: int, image: str, node: str) -> Found | None:
        """Make a service and wait for its container; None when somebody else was quicker, or has removed it."""
        made = self._created(port, generation, image, node)
        found = self._placed(made, port) if made else None
        return self._taken_over(found, generation, "") if found and found.alive else found

    def _created(self, port: int, generation: int, image: str, node: str) -> str | None:
        """The id of a new service; None when one of ours has the name."""
        name = f"{self._service.name}-{port}"
        network = self._network_id()
        try:
            options = self._options(port, generation, image, network, node)
            return cast(str, self._api.create_service(name=name, **options)["ID"])
        except ImageMissing as error:
            raise StartFailed(f"port {port}: {error}") from error
        except APIError as error:
            if error.is_server_error():
                raise  # whether it was made is not known, and no fault of the container
            if error.status_code != requests.codes.conflict:
                raise StartFailed(f"port {port}: {error.explanation or error}") from error
        if self._is_strangers(name):
            raise StartFailed(f"port {port}: the name {name} is taken by a service that is not ours")
        return None

    def _is_strangers(self, name: str) -> bool:
        """Whether a service has this name that is not ours."""
        named = self._api.services(filters={"name": name})  # also those whose names only begin so
        return any(one["Spec"]["Name"] == name and not are_ours(one["Spec"]["Labels"], self._settings) for one in named)

    def _options(self, port: int, generation: int, image: str, network: str, node: str) -> dict[str, Any]:
        exact = swarm_image.pinned(self._api, self._docker, image or self._docker.image)
        return service(
            self._api,
            self._settings,
            port,
            labels=labels_of(self._settings, port, generation, exact),
            image=swarm_image.reference_of(self._api, exact),
            network=network,
            gateway=self._gateway if self._docker.is_published else "",
            places=[*self._places(), *([f"{ON_NODE}{self._id_of(node, port)}"] if node else [])],
        )

    def _is_bound(self) -> bool:
        """Whether containers run on this node alone: a store that is a socket can be reached from here only."""
        return self._docker.is_acts and store_socket(os.environ) is not None

    def _places(self) -> list[str]:
        return [f"{ON_NODE}{self._own_node}"] if self._is_bound() else []

    def _id_of(self, node: str, port: int) -> str:
        """The id of the node of that name."""
        for known in self._nodes():
            if self._name_of(known) == node:
                return known
        raise StartFailed(f"port {port}: the swarm has no node {node}")

    def _network_id(self) -> str:
        """The id of the overlay that all containers share; made when it is missing, by whoever is first."""
        if known := self._known_network():
            return known
        try:
            return str(self._api.create_network(self._network, driver="overlay", attachable=True)["Id"])
        except APIError:  # a conflict, or 500 and words of one
            deadline = time.monotonic() + NETWORK_SECONDS
            while not (made := self._known_network()):
                if time.monotonic() >= deadline:
                    raise
                time.sleep(LOOK_AGAIN)
            return made

    def _known_network(self) -> str:
        """The same where it is there already; else empty."""
        filters = {"scope": "swarm", "driver": "overlay"}
        named = self._api.networks(names=[self._network], filters=filters)
        return next((str(one["Id"]) for one in named if one["Name"] == self._network), "")

    @cached_property
    def _gateway(self) -> str:
        """The address of a node that the containers see which it publishes; empty where it has no such network yet."""
        try:
            configs = self._api.inspect_network(GATEWAY_NETWORK)["IPAM"]["Config"] or []
        except NotFound:
            return ""
        return gateway_of(configs[0]) if configs else ""

    def _placed(self, service_id: str, port: int) -> Found | None:
        """The container of a service once it runs, or has run; None when the service is gone.

        Raises StartFailed, with the service removed, when Swarm finds no place or cannot start it.
        """
        began = time.monotonic()
        while True:
            try:
                its_service = self._api.inspect_service(service_id)
                tasks = self._tasks(service=service_id)
            except NotFound:
                return None
            task = current(tasks, self._down()) or swarm_tasks.newest(tasks, self._down())
            waited = time.monotonic() - began
            if task and (runs(task, self._down()) or (has_ended(task, self._down()) and has_run(task))):
                return self._found(task, its_service, self._frozen(task))
            if trouble := why_not(port, task, waited, self._down()):
                self._remove(its_service)
                raise trouble
            time.sleep(LOOK_AGAIN)

    # What is ended.

    def _dismissed(self, task: Answer) -> bool:
        """Remove the service of a task, whose end is Swarm's to see to then. False if another task has its place."""
        its_service = self._service_of(task)
        if its_service is None:
            return True
        successor = current(self._tasks(service=its_service["ID"]), self._down())
        if successor and successor["ID"] != task["ID"]:
            return False
        self._remove(its_service)
        return True

    def _remove(self, one: Answer) -> None:
        with suppress(NotFound):
            self._api.remove_service(one["ID"])

    def _struck(self, task: Answer) -> None:
        """KILL at once, where that is in our hands."""
        container = self._inspected(task)
        if container and container["State"]["Status"] in docker_engine.ALIVE:
            unless_gone(partial(self._api.kill, container["Id"], "SIGKILL"))

    def _wait_until_ended(self, task: Answer) -> None:
        patience = self._settings.stop_grace + END_SECONDS
        deadline = time.monotonic() + patience
        while (seen := self._task(task["ID"])) and not has_ended(seen, self._down()):
            if time.monotonic() >= deadline:
                where = self._name_of(node_of(task))
                raise KillFailed(f"the container on node {where} is still there after {patience:g} s")
            time.sleep(LOOK_AGAIN)


def port_of(one: Answer) -> int:
    """The port that a service of ours stands for."""
    return int(one["Spec"]["Labels"][f"{LABEL}port"])


def replicas_of(one: Answer) -> int:
    """How many containers a service shall have."""
    return int(one["Spec"]["Mode"]["Replicated"]["Replicas"])


def why_not(port: int, task: Answer | None, waited: float, down: set[str]) -> StartFailed | None:
    """Why a container cannot be started that was waited for so many seconds; None: it still may."""
    told = told_by(task) if task else "it has made no task for it"
    if BUSY_IN_THE_SWARM in told:
        taken = PortBusy(f"port {port} is taken by another service of the swarm")
        return taken if waited >= RELEASE_SECONDS else None
    if task and has_ended(task, down):
        return refusal(port, told)
    if waited >= PLACE_SECONDS and not (task and node_of(task)):
        return StartFailed(f"port {port}: Swarm finds no node for it ({told})")
    if waited >= START_SECONDS:
        return StartFailed(f"port {port}: it did not start within {START_SECONDS:g} s ({told})")
    return None


def lines_of(task_id: str, told: Iterator[bytes]) -> list[str]:
    """What one task has written, of a service's log with details, in which each line begins with where it is from."""
    lines = b"".join(told).decode(errors="replace").splitlines()
    return [line.partition(" ")[2] for line in lines if f"task.id={task_id}" in line.partition(" ")[0]]
