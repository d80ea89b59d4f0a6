"""Containers of a Docker engine, through its SDK.

Labels say what is ours: of this service and of this state folder. Names are only for people (`acts-8000`), yet the
engine allows each once, which makes the first of two starts win. A container that has ended stays for its last words
until it is killed, replaced or a while has passed.
"""

import errno
import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, cast

import requests
from docker import APIClient
from docker.constants import MINIMUM_DOCKER_API_VERSION
from docker.errors import APIError, DockerException, NotFound
from docker.utils import kwargs_from_env
from urllib3.exceptions import ProtocolError

from deploy.runtime import docker_events
from deploy.runtime.base import Found, KillFailed, PortBusy, RuntimeAway, RuntimeRefused, StartFailed, Tell
from deploy.runtime.docker_configuration import LABEL, are_ours, as_filter, configuration, labels_of, own_labels
from deploy.runtime.docker_image import pinned, prepared, reference_of
from deploy.runtime.processes import listener_of
from deploy.settings import DeploySettings

LOCAL = "unix:///var/run/docker.sock"  # the SDK's own default
FROZEN = "paused"
ALIVE = frozenset({"running", FROZEN, "restarting"})
DEAD = ("created", "exited", "dead")
PORT_BUSY = ("port is already allocated", "address already in use", "ports are not available")
START_ATTEMPTS = 5  # each is lost to somebody else's start or removal only
KILL_WAIT = 10.0  # seconds for the engine to end and remove a container; it needs half of one
LOOK_AGAIN = 0.05
STOP_WAIT = 11.0  # seconds; `docker stop` gives a container ten before it kills it
RESTART_WAIT = 1.5  # seconds from the end until `docker restart` has started it again
ANSWER_SECONDS = 20  # for one answer of the engine, which may have a disk to wait for
DEAD_SECONDS = 600.0  # how long what is left of a container that has ended is kept for who wants to read it
LAST_LINES = 2  # as under the process runtime
LAST_CHARACTERS = 1000

log = logging.getLogger(__name__)


# The last two: it was killed in the middle of an answer.
SILENCE = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError, ProtocolError)


@contextmanager
def hearing() -> Iterator[None]:
    """The engine's silence as RuntimeAway."""
    try:
        yield
    except SILENCE as error:
        raise RuntimeAway("the Docker engine does not answer") from error


@contextmanager
def asking() -> Iterator[None]:
    """The engine's silence as RuntimeAway, an error that it answers as RuntimeRefused."""
    try:
        with hearing():
            yield
    except DockerException as error:
        raise RuntimeRefused(f"the Docker engine says: {words_of(error)}") from error


def words_of(error: DockerException) -> str:
    """What the engine itself says in an error, where it says anything."""
    explanation = error.explanation if isinstance(error, APIError) else ""
    return str(explanation or error)


def connect() -> APIClient:
    """A client of the engine that DOCKER_HOST names, or the local one. Raises RuntimeAway if none answers."""
    try:
        knock(kwargs_from_env().get("base_url") or LOCAL)
        with hearing(), closing(client(MINIMUM_DOCKER_API_VERSION)) as first:
            version = first.version(api_version=False)["ApiVersion"]
        return client(version)
    except DockerException as error:
        raise RuntimeAway(f"DOCKER_HOST: {error}") from error


def knock(host: str) -> None:
    """Raise RuntimeAway if nobody is behind the engine's unix socket; the SDK would leave a socket open over it."""
    if not host.startswith("unix://"):
        return
    with socket.socket(socket.AF_UNIX) as attempt:
        try:
            attempt.connect(host.removeprefix("unix://"))
        except OSError as error:
            raise RuntimeAway(f"no Docker engine answers at {host} ({error.strerror})") from error


def client(version: str) -> APIClient:
    """A client that speaks this version of the engine's API; nobody is asked yet."""
    return APIClient(**kwargs_from_env(), version=version, timeout=ANSWER_SECONDS)


class DockerEngine:
    """The docker runtime over one engine. What is left of the dead is kept for `dead_seconds`."""

    name = "docker"

    def __init__(self, settings: DeploySettings, api: APIClient, dead_seconds: float = DEAD_SECONDS) -> None:
        self._settings = settings
        self._docker = settings.docker
        self._service = settings.service
        self._api = api
        self._dead_seconds = dead_seconds

    def prepare(self, image: str, tell: Tell) -> str:
        """As the protocol says."""
        with asking():
            return prepared(self._api, self._docker, self._service.name, image, tell)

    def is_here(self) -> bool:
        """Whether the engine's containers live on this machine: what a folder is here, is that for them, too."""
        return is_own_address(self._gateway)

    def start(self, port: int, generation: int, image: str = "", node: str = "") -> Found:
        """As the protocol says."""
        del node  # there is but this machine
        with asking():
            for _ in range(START_ATTEMPTS):
                found = self._living_on(port) or self._started(port, generation, image)
                if found:
                    return found
        raise StartFailed(f"port {port}: others started and removed containers there all the time")

    def terminate(self, runtime_id: str) -> None:
        """As the protocol says."""
        with asking():
            if self._inspected(runtime_id):
                unless_gone(partial(self._api.kill, runtime_id, "SIGTERM"))

    def pause(self, runtime_id: str) -> None:
        """As the protocol says."""
        with asking():
            if self._is_frozen(runtime_id) is False:
                unless_gone(partial(self._api.pause, runtime_id))

    def resume(self, runtime_id: str) -> None:
        """As the protocol says."""
        with asking():
            if self._is_frozen(runtime_id):
                unless_gone(partial(self._api.unpause, runtime_id))

    def _is_frozen(self, runtime_id: str) -> bool | None:
        """Whether it is paused; None when it does not run."""
        found = self.find(runtime_id)
        return found.frozen if found and found.alive else None

    def kill(self, runtime_id: str) -> None:
        """As the protocol says. Nothing is left of it afterwards, not even its last words."""
        with asking():
            if not self._inspected(runtime_id):
                return
            self._remove(runtime_id, force=True)
            deadline = time.monotonic() + KILL_WAIT
            while self._inspected(runtime_id):
                if time.monotonic() >= deadline:
                    raise KillFailed(f"container {runtime_id[:12]} is still there {KILL_WAIT:g} s after KILL")
                time.sleep(LOOK_AGAIN)

    def running(self) -> list[Found]:
        """As the protocol says."""
        with asking():
            listed = self._api.containers(filters={"label": self._own_labels()})
        return sorted(filter(lambda f: f.alive, map(self._found_in_list, listed)), key=lambda found: found.port)

    def nodes(self) -> list[str]:
        """There is but this machine."""
        return []

    def find(self, runtime_id: str) -> Found | None:
        """As the protocol says."""
        with asking():
            container = self._inspected(runtime_id)
        return self._found(container) if container else None

    def stopped_by_hand(self, runtime_id: str) -> bool:
        """As the protocol says."""
        with asking():
            if not self._asked_to_end(runtime_id):
                return False
            self._wait_while(lambda: self._lives(runtime_id), STOP_WAIT)
            self._wait_while(lambda: self._asked_to_end(runtime_id), RESTART_WAIT)
            return self._asked_to_end(runtime_id)

    def last_words(self, runtime_id: str) -> str:
        """As the protocol says."""
        try:
            container = self._inspected(runtime_id)
            if container is None:
                return ""
            written = self._api.logs(runtime_id, tail=LAST_LINES).decode(errors="replace")[-LAST_CHARACTERS:]
        except (DockerException, requests.RequestException):
            return ""
        lines = [line.strip() for line in written.splitlines() if line.strip()]
        return "; ".join(filter(None, [ending_of(container["State"]), *lines]))

    def watch(self, heard: Callable[[], None], until: threading.Event) -> None:
        """As the protocol says: the engine tells at once. It is asked again after a connection that broke."""
        filters = {"event": list(docker_events.CHANGES), "label": self._own_labels()}
        arguments = (self._api, filters, heard, until)
        threading.Thread(target=docker_events.listen, args=arguments, name="engine events", daemon=True).start()

    def housekeep(self) -> None:
        """Remove containers that ended, or were made and never started, long ago. The engine itself bounds the logs."""
        with asking():
            for listed in self._api.containers(all=True, filters={"label": self._own_labels(), "status": list(DEAD)}):
                container = self._inspected(listed["Id"])
                if container and dead_since(container) < time.time() - self._dead_seconds:
                    self._remove(listed["Id"])

    def close(self) -> None:
        """As the protocol says."""
        self._api.close()

    # What is there.

    def _own_labels(self) -> list[str]:
        return as_filter(own_labels(self._settings))

    def _labels(self, port: int, generation: int, image: str) -> dict[str, str]:
        return labels_of(self._settings, port, generation, image)

    def _inspected(self, runtime_id: str) -> dict[str, Any] | None:
        """What the engine says about a container of ours, by its whole id; a name or a stranger's is nobody."""
        if not runtime_id:
            return None
        try:
            container = cast("dict[str, Any]", self._api.inspect_container(runtime_id))
        except NotFound:
            return None
        ours = are_ours(container["Config"]["Labels"], self._settings)
        return container if ours and container["Id"] == runtime_id else None

    def _asked_to_end(self, runtime_id: str) -> bool:
        return docker_events.asked_to_end(self._api, runtime_id)

    def _lives(self, runtime_id: str) -> bool:
        container = self._inspected(runtime_id)
        return container is not None and container["State"]["Status"] in ALIVE

    def _wait_while(self, fact: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while fact() and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN)

    def _living_on(self, port: int) -> Found | None:
        """The living container of ours on a port. What is left of dead ones there is removed, and frozen ones."""
        labels = [*self._own_labels(), f"{LABEL}port={port}"]
        for listed in self._api.containers(all=True, filters={"label": labels}):
            found = self._found_in_list(listed)
            if found.alive and not found.frozen:
                return found
            if listed["State"] != "created":  # that one is about to be started, by whoever has made it
                self._remove(listed["Id"], force=found.frozen)
        return None

    def _found_in_list(self, listed: Mapping[str, Any]) -> Found:
        return self._found_by(listed["Id"], listed["Labels"], listed["State"], listed["NetworkSettings"])

    def _found(self, container: Mapping[str, Any]) -> Found:
        labels, state = container["Config"]["Labels"], container["State"]["Status"]
        return self._found_by(container["Id"], labels, state, container["NetworkSettings"])

    def _found_by(self, runtime_id: str, labels: Mapping[str, str], state: str, network: Mapping[str, Any]) -> Found:
        port = int(labels[f"{LABEL}port"])
        addresses = [one.get("IPAddress") for one in network["Networks"].values()]
        own = next(filter(None, addresses), "")
        direct = self._reaches_containers and own
        address = f"{own}:{self._docker.port}" if direct else f"{self._docker.publish_address}:{port}"
        generation = int(labels[f"{LABEL}generation"])
        image, frozen = labels[f"{LABEL}image"], state == FROZEN
        return Found(runtime_id, port, address, state in ALIVE, generation, image=image, frozen=frozen)

    @cached_property
    def _reaches_containers(self) -> bool:
        """Whether the proxy may use the containers' own addresses: no extra copy through the engine's proxy."""
        if self._docker.via != "auto":
            return self._docker.via == "container"
        return self.is_here()

    @cached_property
    def _gateway(self) -> str:
        """The address of this machine that the containers see; empty if their network has none."""
        with asking():
            configs = self._api.inspect_network(self._docker.network)["IPAM"]["Config"] or []
        return gateway_of(configs[0]) if configs else ""

    def _remove(self, runtime_id: str, force: bool = False) -> None:
        """Remove what is left of a container; with `force` also one that lives."""
        unless_gone(partial(self._api.remove_container, runtime_id, v=True, force=force))

    # What is made.

    def _started(self, port: int, generation: int, image: str) -> Found | None:
        """Make and start a container; None when somebody else was quicker, which the next look will show."""
        runtime_id = self._created(port, generation, image)
        if runtime_id is None:
            return None
        try:
            self._api.start(runtime_id)
        except NotFound:
            return None
        except APIError as error:
            self._remove(runtime_id)
            raise why_not(port, error) from error
        return self.find(runtime_id)

    def _created(self, port: int, generation: int, image: str) -> str | None:
        """The id of a container for the port that is not started yet; made before by somebody, or now."""
        name = f"{self._service.name}-{port}"
        try:
            exact = image or pinned(self._api, self._docker.image)
            options = configuration(self._api, self._settings, port, self._gateway) | {"image": reference_of(exact)}
            made = self._api.create_container(name=name, labels=self._labels(port, generation, exact), **options)
            return cast(str, made["Id"])
        except APIError as error:
            if error.status_code != requests.codes.conflict:
                raise StartFailed(f"port {port}: {error.explanation or error}") from error
        return self._made_before(name, port, generation)

    def _made_before(self, name: str, port: int, generation: int) -> str | None:
        """The one that has our name already. Ours and as new: it is the one to start. Ours and older: out with it."""
        try:
            runtime_id = cast(str, self._api.inspect_container(name)["Id"])
        except NotFound:
            return None
        container = self._inspected(runtime_id)
        if container is None or container["Config"]["Labels"].get(f"{LABEL}port") != str(port):
            raise StartFailed(f"port {port}: the name {name} is taken by a container that is not ours")
        if container["Config"]["Labels"][f"{LABEL}generation"] == str(generation):
            return runtime_id
        if container["State"]["Status"] == "created":
            self._remove(runtime_id)
        return None


def unless_gone(ask: Callable[[], object]) -> None:
    """Ask something of a container that may have ended or gone meanwhile, or that somebody else is removing."""
    try:
        ask()
    except NotFound:
        return
    except APIError as error:
        if error.status_code != requests.codes.conflict:
            log.warning("the Docker engine says: %s", error.explanation or error)


def why_not(port: int, error: APIError) -> StartFailed:
    """Why a container could not be started."""
    return refusal(port, str(error.explanation or error))


def refusal(port: int, told: str) -> StartFailed:
    """The same from an engine's words."""
    if any(words in told for words in PORT_BUSY):
        return PortBusy(f"port {port} is taken by {listener_of(port)}")
    return StartFailed(f"port {port}: {told}")


def ending_of(state: Mapping[str, Any]) -> str:
    """How a container ended, as words; empty while it lives."""
    if state["Status"] in ALIVE:
        return ""
    if state["OOMKilled"]:
        return f"killed for want of memory, exit code {state['ExitCode']}"
    return f"exit code {state['ExitCode']}"


def dead_since(container: Mapping[str, Any]) -> float:
    """When a dead container ended, or was made if it was never started (unix seconds)."""
    return max(seconds_of(container["Created"]), seconds_of(container["State"]["FinishedAt"]))


def seconds_of(moment: str) -> float:
    """Unix seconds of one of the engine's times, which have nanoseconds; the year 1 stands for never."""
    return datetime.fromisoformat(moment[:19]).replace(tzinfo=UTC).timestamp()


def gateway_of(config: Mapping[str, str]) -> str:
    """A network's gateway. A young engine does not tell that of its first one, which is the first in its subnet."""
    return config.get("Gateway") or str(next(ipaddress.ip_network(config["Subnet"]).hosts()))


def is_own_address(address: str) -> bool:
    """Whether this machine, or this container, has the address; then it is on that network itself."""
    if not address:
        return False
    with socket.socket() as attempt:
        try:
            attempt.bind((address, 0))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True
