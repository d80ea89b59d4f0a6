"""Why one request was answered by the container that answered it: from its name, the rings of the past and the second
tries that were written down; nothing is guessed. Pure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lb.request_id import RequestId
from lb.retries import Retry
from lb.ring import Ring, return_port

Clock = Callable[[float], str]  # unix seconds as a person reads them


@dataclass(frozen=True)
class RequestStory:
    """What is known of a request. `ring` is None where the rings of that time are not remembered any more."""

    name: str
    request: RequestId
    ring: Ring | None
    retries: Sequence[Retry]

    @property
    def at(self) -> float:
        """When it was routed, unix seconds."""
        return self.request.at / 1000

    @property
    def first(self) -> int | None:
        """The port that its turn fell to; None when that is not known, or the ring was empty."""
        return None if self.ring is None else return_port(self.ring, self.request.turn)

    @property
    def last(self) -> int | None:
        """The port that was asked last."""
        return self.retries[-1].next if self.retries else self.first


def story_of(name: str, request: RequestId, rings: Mapping[int, Ring], retries: Sequence[Retry]) -> RequestStory:
    """The story of a request; `rings` by version, `retries` of all requests or of this one."""
    mine = [retry for retry in retries if retry.request == name]
    return RequestStory(name, request, rings.get(request.version), mine)


def sentences(story: RequestStory, first_port: int, clock: Clock) -> list[str]:
    """The story in sentences."""
    request = story.request
    told = [f"{clock(story.at)}: worker {request.worker} routed it, with turn {request.turn:,}."]
    told.append(by_the_ring(story, first_port))
    told += [second_try(retry, first_port) for retry in story.retries]
    told.append("It is counted: it is one of the requests that decide how many containers there are.")
    if not request.counted:
        told[-1] = "It is not counted: only requests below COUNT_PREFIX are, and no health checks."
    if not story.retries:
        told.append("No second try of it is remembered.")
    return told


def by_the_ring(story: RequestStory, first_port: int) -> str:
    """Which container its turn fell to, and the sum behind it."""
    version, ring = story.request.version, story.ring
    if ring is None:
        return f"The ring of that time (version {version}) is not remembered any more."
    if not ring.members:
        return f"The ring (version {version}) was empty: it waited for a container to join."
    ports = ", ".join(str(member.port) for member in ring.members)
    size, turn = len(ring.members), story.request.turn
    sum_ = f"{turn:,} mod {size} is {turn % size}"
    return f"The ring (version {version}) was {ports}; {sum_}: {container(story.first, first_port)}."


def second_try(retry: Retry, first_port: int) -> str:
    """One second try."""
    there, why = container(retry.next, first_port), retry.cause
    return f"{retry.first} {why}; with turn {retry.turn:,} by version {retry.version} it went to {there}."


def container(port: int | None, first_port: int) -> str:
    """A container in words."""
    return "nobody" if port is None else f"container {port - first_port + 1} on port {port}"


def as_json(story: RequestStory, first_port: int) -> dict[str, object]:
    """The story for scripts; the names of the fields are part of the interface."""
    number = None if story.last is None else story.last - first_port + 1
    return {
        "request": story.name,
        "at": story.at,
        "worker": story.request.worker,
        "turn": story.request.turn,
        "ring_version": story.request.version,
        "ring": None if story.ring is None else [member.port for member in story.ring.members],
        "first_port": story.first,
        "port": story.last,
        "container": number,
        "attempts": 1 + len(story.retries),
        "retries": [
            {"port": retry.first, "cause": retry.cause, "next": retry.next, "turn": retry.turn}
            for retry in story.retries
        ],
        "counted": story.request.counted,
    }
