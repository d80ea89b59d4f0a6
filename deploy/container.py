"""One container as the table remembers it: a value, and how it looks in Redis."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, cast

from deploy.container_state import State, in_ring


@dataclass(frozen=True)
class Container:
    """A row of the table. All times are unix seconds, 0 when they do not apply."""

    port: int
    number: int  # 1 for the first port
    state: State
    generation: int  # a new one for every launch and relaunch, over all containers and never used again
    # How often it was moved, or ordered otherwise, since it was added: tells two visits to one state apart.
    moves: int = 0
    runtime_id: str = ""  # the runtime's name of what was started; empty while nothing is
    address: str = ""  # "host:port" at which it answers
    node: str = ""  # on which it runs; empty where there is but this machine
    image: str = ""  # what it was started from, and is again when it is relaunched
    successor: str = ""  # the image that takes the port once this one is drained and gone; empty: nobody follows
    place: str = ""  # the node on which the next one is started; empty: wherever the runtime puts it
    surge: int = 0  # 1: more than there should be, for as long as a roll-out, or a move between nodes, needs it
    parked: int = 0  # 1: while it drains, and after that, it stays up: somebody wants to look at it
    pid: int = 0
    created_at: float = 0.0  # when it was added
    since: float = 0.0  # when it came into its state
    by: str = ""  # who moved it last
    reason: str = ""  # why
    down_since: float = 0.0  # when it last left the ring, or was added: what "healthy after … s" is measured from
    deadline: float = 0.0  # when the launcher's wait of this state ends
    attempts: int = 0  # starts in a row that did not become healthy
    relapses: int = 0  # relaunches in a row that were sick again soon after they had become healthy
    restarts: int = 0  # how often another one was started on its port since it was added
    next_try_at: float = 0.0  # SICK: not to be started again before this
    ring_version: int = 0  # the version of the ring that was made when it last joined or left

    @property
    def status(self) -> bool:
        """Whether it receives traffic."""
        return in_ring(self.state)


def container_of(hash_fields: Mapping[str, str]) -> Container:
    """The container of a Redis hash. Fields that this version does not know are left out."""
    known = {field.name: cast(Callable[[str], Any], field.type) for field in fields(Container)}
    return Container(**{name: known[name](text) for name, text in hash_fields.items() if name in known})


def text_of(value: object) -> str:
    """A field as it stands in the hash. Times keep the millisecond."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
