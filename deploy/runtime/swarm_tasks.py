"""Reading what Swarm says about its tasks and nodes: pure functions over its answers.

A service of ours has one slot, and in it one task after the other: what has ended, what runs, what is to be started.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

Answer = Mapping[str, Any]  # one task, service or node as the API tells it

RUNNING = "running"
ENDED = frozenset({"complete", "shutdown", "failed", "rejected", "remove", "orphaned"})
DOWN = "down"
RAN = "task: non-zero exit"  # how the error of a task begins whose container has run
UNKNOWN_ADDRESSES = ("", "0.0.0.0")  # noqa: S104 - what an engine says of itself before it knows better


def state_of(task: Answer) -> str:
    """How far a task is, as its node has told last."""
    return str(task["Status"]["State"])


def node_of(task: Answer) -> str:
    """The id of a task's node; empty while it has none."""
    return str(task.get("NodeID", ""))


def container_of(task: Answer) -> str:
    """The id of a task's container on its node; empty while there is none."""
    return str(task["Status"].get("ContainerStatus", {}).get("ContainerID", ""))


def labels_of(task: Answer) -> Mapping[str, str]:
    """The labels of a task's container, which stay as they were when its service was made."""
    return task["Spec"]["ContainerSpec"].get("Labels") or {}


def told_by(task: Answer) -> str:
    """What is wrong with a task, in Swarm's words; what is going on where nothing is wrong."""
    return str(task["Status"].get("Err") or task["Status"].get("Message", ""))


def runs(task: Answer, down: Collection[str]) -> bool:
    """Whether a task's container runs, as far as can be known: one on a node that is down does not."""
    return state_of(task) == RUNNING and node_of(task) not in down


def has_ended(task: Answer, down: Collection[str]) -> bool:
    """Whether nothing more is to be expected of a task."""
    return state_of(task) in ENDED or (node_of(task) in down)


def has_run(task: Answer) -> bool:
    """Whether a task that has ended was started at all."""
    return state_of(task) == "complete" or told_by(task).startswith(RAN)


def current(tasks: Iterable[Answer], down: Collection[str]) -> Answer | None:
    """The task that a service has now: it runs, or soon will. None when there is none, or a pause before the next."""
    wanted = [task for task in tasks if task["DesiredState"] == RUNNING and not has_ended(task, down)]
    return max(wanted, key=lambda task: (runs(task, down), task["CreatedAt"]), default=None)


def newest(tasks: Iterable[Answer], down: Collection[str]) -> Answer | None:
    """The last of those that have ended."""
    return max((task for task in tasks if has_ended(task, down)), key=lambda task: task["CreatedAt"], default=None)


def overlay_address(task: Answer, network: str) -> str:
    """A task's address on the network of that name; empty while it has none."""
    for attachment in task.get("NetworksAttachments") or []:
        if attachment["Network"]["Spec"]["Name"] == network and attachment.get("Addresses"):
            return str(attachment["Addresses"][0].partition("/")[0])
    return ""


def node_address(node: Answer, otherwise: str) -> str:
    """The address by which other nodes reach a node."""
    addresses = (node["Status"].get("Addr", ""), node.get("ManagerStatus", {}).get("Addr", "").rpartition(":")[0])
    return next((address for address in addresses if address not in UNKNOWN_ADDRESSES), otherwise)


def is_down(node: Answer) -> bool:
    """Whether Swarm has given up on a node."""
    return str(node["Status"]["State"]) == DOWN


def takes_more(node: Answer) -> bool:
    """Whether containers may be placed on a node."""
    return bool(node["Status"]["State"] == "ready" and node["Spec"]["Availability"] == "active")


def ending_of(task: Answer, down: Collection[str]) -> str:
    """How a task has ended, in words; empty while it has not."""
    if node_of(task) in down:
        return "its node is down"
    if state_of(task) not in ENDED:
        return ""
    code = task["Status"].get("ContainerStatus", {}).get("ExitCode")
    return told_by(task) if code is None or not has_run(task) else f"exit code {code}"
