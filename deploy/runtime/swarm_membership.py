"""Whether an engine can start services of a swarm: as a manager of one, most of whose managers answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.errors import APIError

from deploy.runtime.docker_engine import asking


@dataclass(frozen=True)
class Membership:
    """What an engine is in its swarm; `found` in words, `fix` is empty where nothing is to be done."""

    is_usable: bool
    found: str
    fix: str = ""


def membership(api: APIClient) -> Membership:
    """What this engine is. Raises RuntimeAway when it does not answer."""
    with asking():
        swarm = api.info()["Swarm"]
        if not swarm.get("ControlAvailable"):
            return outsider(swarm)
        try:
            return manager(api.nodes())
        except APIError as error:
            return without_leader(swarm, str(error.explanation or error))


def outsider(swarm: Mapping[str, Any]) -> Membership:
    """An engine that is no manager."""
    state = swarm.get("LocalNodeState", "inactive")
    if state == "inactive":
        return Membership(False, "the engine belongs to no swarm", "Say `docker swarm init` here, or join one.")
    if state == "active":
        fix = "Set DOCKER_HOST to a manager's engine, or say `docker node promote` on a manager."
        return Membership(False, "the engine is a worker of its swarm, no manager", fix)
    why = f": {swarm['Error']}" if swarm.get("Error") else ""
    return Membership(False, f"the engine's place in its swarm is {state}{why}", "See `docker info`.")


def without_leader(swarm: Mapping[str, Any], told: str) -> Membership:
    """A manager that cannot reach enough others."""
    fix = f"Bring back managers until more than half of the {swarm.get('Managers', 0)} answer."
    return Membership(False, f"the swarm has no leader: too few of its managers answer ({told})", fix)


def manager(nodes: Sequence[Mapping[str, Any]]) -> Membership:
    """A manager of a swarm that has a leader."""
    managers = [node["ManagerStatus"] for node in nodes if node.get("ManagerStatus")]
    there = sum(one.get("Reachability") == "reachable" for one in managers)
    ready = sum(node["Status"]["State"] == "ready" for node in nodes)
    spare = there - (len(managers) // 2 + 1)
    found = f"manager; {ready} of {len(nodes)} nodes are ready, {there} of {len(managers)} managers answer"
    if spare > 0 or len(nodes) == 1:
        return Membership(True, found)
    fix = "If one more manager fails nothing can be started or ended any more: have three that answer, or five."
    return Membership(True, found, fix)
