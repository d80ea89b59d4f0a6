"""What can be changed: the number of containers, and single containers. `guard` has let only the token through.

Every change names who asked for it, in an event. What is ordered happens through the same doors as the command line's.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, request

from autoscaler import override
from deploy.by_hand import ByHand
from lb.events import Event, Kind, queue_event
from lb.ring import read_ring
from lb.settings import ServiceSettings
from monitor.dashboard.app import Parts, answer, parts
from monitor.dashboard.drills import FAULTS
from monitor.dashboard.guard import Refused

NAME_LENGTH = 40

routes = Blueprint("controls", __name__)


def body() -> Mapping[str, Any]:
    """The JSON object that was sent."""
    found = request.get_json(silent=True)
    if not isinstance(found, dict):
        raise Refused(400, "A JSON object is needed.")
    return found


def who(sent: Mapping[str, Any]) -> str:
    """The name that events show: what the person calls herself, and that it was through the dashboard."""
    name = "".join(letter for letter in str(sent.get("by") or "") if letter.isprintable()).strip()[:NAME_LENGTH]
    return f"{name or 'somebody'} (dashboard)"


def port_of(sent: Mapping[str, Any], service: ServiceSettings) -> int:
    """A port that a container may have; Refused (400) for anything else."""
    port = sent.get("port")
    if type(port) is not int or port not in service.ports:
        raise Refused(400, f"port has to be one of {service.ports[0]} to {service.ports[-1]}.")
    return port


def spare_the_last(its: Parts, sent: Mapping[str, Any]) -> None:
    """Nobody takes the last one out of the ring by a click; the command line has --force."""
    service = its.settings.scaling.service
    port, ring = port_of(sent, service), read_ring(its.client, service.name)
    if [member.port for member in ring.members] == [port]:
        raise Refused(409, f"{port} is the last one that serves: requests would get 503. Relaunch replaces it.")


@routes.post("/unlock")
def unlock() -> Response:
    """Nothing but whether the token is the right one."""
    return answer(200, done="The buttons are unlocked.")


@routes.post("/scale")
def scale() -> Response:
    """`number` fixes the number of containers, null gives it back to the rule."""
    its, sent = parts(), body()
    number = sent.get("number")
    if number is not None and type(number) is not int:
        raise Refused(400, "number has to be a whole number, or null for automatic.")
    try:
        override.set_number(its.client, its.settings.scaling.service, number, who(sent))
    except ValueError as error:
        raise Refused(400, f"{error}.") from error
    return answer(
        200, done="Requests decide again." if number is None else f"Fixed at {number}, until it is automatic again."
    )


@routes.post("/relaunch")
def relaunch() -> Response:
    """Replace the container on `port` by a new one: drained first if it serves."""
    return by_hand(
        ByHand.relaunch,
        "{} leaves the ring and is started again.",
        "There is no container on port {} that runs or has failed.",
    )


@routes.post("/drain")
def drain() -> Response:
    """Take the container on `port` out of the ring and let it stay up, for somebody to look at."""
    spare_the_last(parts(), body())
    return by_hand(
        ByHand.drain,
        "{} leaves the ring, finishes what it has, and stays up to be looked at.",
        "There is no container on port {} that receives requests.",
    )


@routes.post("/launch")
def launch() -> Response:
    """Let there be a container on `port`: back into the ring if it was drained, else a new one."""
    return by_hand(ByHand.launch, "{} comes back.", "There is a container on port {} already.")


def by_hand(order: Callable[[ByHand, int, str], bool], done: str, refused: str) -> Response:
    """Order something of the container on `port`; the two sentences name the port where they have {}."""
    its, sent = parts(), body()
    service = its.settings.scaling.service
    port = port_of(sent, service)
    if not order(ByHand.open(its.client, service), port, who(sent)):
        raise Refused(409, refused.format(port))
    return answer(202, done=done.format(port))


@routes.post("/drill")
def drill() -> Response:
    """Bring a fault about, on the container on `port` or, without one, on the last."""
    its, sent = parts(), body()
    service, fault = its.settings.scaling.service, sent.get("fault")
    if fault not in FAULTS:
        raise Refused(400, f"fault has to be one of {', '.join(FAULTS)}.")
    port = port_of(sent, service) if sent.get("port") is not None else None
    if not its.drills.begin(fault, port):
        raise Refused(409, "A drill is under way already.")
    queue_event(its.client, service.name, Event(Kind.ORDERED, port, f"drill: {fault}", who(sent)))
    return answer(202, done=f"The drill has begun: {fault}. Events tell what comes of it.")
