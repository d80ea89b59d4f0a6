"""What can be changed: the number of containers, and single containers. `guard` has let only the token through.

Every change names who asked for it, in an event. What is ordered happens through the same doors as the command line's.
"""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, request

from autoscaler import override
from deploy.orders import Orders
from lb.events import Event, Kind, queue_event
from lb.settings import ServiceSettings
from monitor.dashboard.app import Parts, answer, parts
from monitor.dashboard.guard import Refused

NAME_LENGTH = 40
ASKED = "asked for"

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
    if type(port) is not int or not 1 <= service.number_of(port) <= service.max_containers:
        last = service.first_port + service.max_containers - 1
        raise Refused(400, f"port has to be one of {service.first_port} to {last}.")
    return port


def orders_of(its: Parts) -> Orders:
    """The door through which the deploy worker is asked."""
    return Orders.open(its.client, its.settings.scaling.service)


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
    """Replace the container on `port` by a new one."""
    its, sent = parts(), body()
    port = port_of(sent, its.settings.scaling.service)
    if not orders_of(its).relaunch(port, ASKED, who(sent)):
        raise Refused(409, f"There is no container on port {port} that runs or has failed.")
    return answer(202, done=f"{port} leaves the ring and is started again.")


@routes.post("/drain")
def drain() -> Response:
    """Let the container on `port` finish what it has and go."""
    its, sent = parts(), body()
    service = its.settings.scaling.service
    port = port_of(sent, service)
    if not orders_of(its).stop(port, ASKED, who(sent)):
        raise Refused(409, f"There is no container on port {port} that could be drained.")
    queue_event(its.client, service.name, Event(Kind.SCALED, port, "to be drained and ended", who(sent)))
    return answer(202, done=f"{port} leaves the ring, finishes what it has, and ends.")
