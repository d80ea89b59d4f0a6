"""What a Docker engine tells of its own accord: that something has happened, and who wanted a container to end.

The engine keeps its last events in memory, so whoever asks later is told as well; after a restart it has forgotten all
of them. An engine that was killed and comes back without --live-restore stops what it finds running, and notes that
just as it notes a person's `docker stop`: only that it does not remember the start tells the two apart.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import requests
from docker import APIClient
from docker.errors import DockerException, NotFound

CHANGES = ("die", "oom", "destroy", "pause")  # the events after which a container is to be looked at
MEMORY = 256  # events; when there are so many, older ones were forgotten
LISTEN_AGAIN = 1.0  # seconds before the engine is asked for its events again
POLITE = frozenset(map(str, (int(signal.SIGTERM), int(signal.SIGINT), int(signal.SIGQUIT))))  # what `docker stop` sends

Filters = Mapping[str, list[str]]


def listen(api: APIClient, filters: Filters, heard: Callable[[], None], until: threading.Event) -> None:
    """Call `heard` for every event that passes these filters, and whenever listening begins; until `until`."""
    while not until.is_set():
        with suppress(DockerException, requests.RequestException, OSError):
            events = api.events(filters=dict(filters), decode=True)
            heard()  # for what happened while nobody listened
            for event in events:
                if container := event.get("id"):  # not of a node, nor of a service
                    wait_until_noted(api, container)
                heard()
        until.wait(LISTEN_AGAIN)


def wait_until_noted(api: APIClient, runtime_id: str) -> None:
    """Return when the engine's list of containers says what the event has said.

    It tells of an end before it has cleaned up behind the container, and lists it as running until then; who inspects
    the container waits for that.
    """
    with suppress(NotFound):
        api.inspect_container(runtime_id)


def asked_to_end(api: APIClient, runtime_id: str) -> bool:
    """Whether somebody asked a container to end, as `docker stop` does; a young engine's own doing does not count."""
    events = remembered(api, container=runtime_id, event=["start", "kill", "stop"])
    if not was_asked_to_end(events):
        return False
    return events[0]["Action"] == "start" or len(remembered(api)) >= MEMORY


def remembered(api: APIClient, **filters: object) -> list[dict[str, Any]]:
    """What the engine remembers, oldest first; also of containers that were removed."""
    now = f"{time.time():.6f}"  # the engine takes fractions, and waits for what is still to come of a whole second
    return list(api.events(since=0, until=now, filters=filters, decode=True))  # type: ignore[call-overload]


def was_asked_to_end(events: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a container was asked to end after its last start, as `docker stop` does and KILL does not."""
    asked = False
    for event in events:
        polite = event["Action"] == "kill" and event["Actor"]["Attributes"].get("signal") in POLITE
        asked = event["Action"] == "stop" or polite or (asked and event["Action"] != "start")
    return asked
