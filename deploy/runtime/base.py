"""What every runtime can do, whatever its containers are made of: the only thing the launcher knows about them.

A runtime remembers by itself what it started (labels, or records on disk), so that the table can be rebuilt from it,
and it never touches what is not ours. It starts and ends containers and says which exist; whether one is healthy is
somebody else's question.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Tell = Callable[[str], None]  # takes a line about how it goes, for the operator


@dataclass(frozen=True)
class Found:
    """A container of ours as its runtime sees it."""

    runtime_id: str  # the runtime's own name for this very container, never reused for another one
    port: int
    address: str  # "host:port" at which it answers
    alive: bool
    generation: int  # the table's generation for which it was started
    pid: int | None = None
    image: str = ""
    node: str = ""  # on which it runs; empty where there is but this machine
    frozen: bool = False  # lives, but its runtime lets it do nothing (docker pause)


class RuntimeTrouble(Exception):
    """Why a runtime has not done what it was asked for; the message is a sentence for the operator."""


class StartFailed(RuntimeTrouble):
    """A container could not be started."""


class PortBusy(StartFailed):
    """Somebody who is not ours listens on the port; the message says who, where that can be told."""


class ImageMissing(RuntimeTrouble):
    """An image is not there and cannot be had."""


class RuntimeAway(RuntimeTrouble):
    """The runtime does not answer now, so nothing is known."""


class RuntimeRefused(RuntimeTrouble):
    """The runtime has answered, with an error of its own: what was asked for is not done, or not known."""


class KillFailed(RuntimeTrouble):
    """A container is still there after KILL and the bounded wait for its end."""


class Runtime(Protocol):
    """How containers are started, found and ended. All methods may be called from several threads and processes.

    All but `last_words` and `close` may raise RuntimeAway and RuntimeRefused: not knowing is not "none".
    """

    name: str

    def prepare(self, image: str, tell: Tell) -> str:
        """Have an image ready to be started, built or fetched where needed, and return its exact name.

        Empty is what the service is configured with, as it is on disk now. The exact name goes on to mean the very
        same thing, whatever is built, fetched or edited later. Raises ImageMissing.
        """

    def start(self, port: int, generation: int, image: str = "", node: str = "") -> Found:
        """Start a container that will listen on `port`, and return without waiting for its health.

        `image` is an exact name that `prepare` gave; empty is what is configured. What is left on the port of a dead
        container of ours, or of a frozen one, is removed. `node` is the only one on which it may be started, by a name
        that `nodes` gave; empty: wherever there is room. What runs already may run elsewhere.

        When a container of ours already runs on that port, whatever its generation, that one is returned and nothing
        is started: two who start the same port at the same time get the same answer. Raises PortBusy, StartFailed.
        """

    def terminate(self, runtime_id: str) -> None:
        """Ask the container and everything in it to end (TERM), and return at once. Unknown or gone is no error."""

    def kill(self, runtime_id: str) -> None:
        """End the container at once (KILL, also when it is stopped or hangs) and return when it is gone.

        What a runtime keeps of one that has ended is removed too. Unknown or already gone is no error. Raises
        KillFailed when it survives the bounded wait.
        """

    def pause(self, runtime_id: str) -> None:
        """Let the container hang until `resume`: for drills. Unknown or gone is no error."""

    def resume(self, runtime_id: str) -> None:
        """Let a paused container go on. One that is not paused, unknown or gone is no error."""

    def running(self) -> list[Found]:
        """Every living container of ours, ordered by port."""

    def nodes(self) -> list[str]:
        """The nodes that may take containers now, by name, sorted; empty where there is but this machine."""

    def find(self, runtime_id: str) -> Found | None:
        """The container of that id, dead or alive; None when the runtime knows nothing (any more) about it."""

    def stopped_by_hand(self, runtime_id: str) -> bool:
        """Whether a person asked this container to end, by the runtime's own way of stopping (docker stop).

        To be asked only of a container that none of us has told to end. False where that cannot be known. It may take
        ten seconds while the container is just ending, because a restart begins like a stop.
        """

    def last_words(self, runtime_id: str) -> str:
        """Exit code, where known, and the last lines that a container wrote: why it may have died. Never raises."""

    def watch(self, heard: Callable[[], None], until: threading.Event) -> None:
        """Return at once, and until `until` is set call `heard` soon after a container of ours has ended.

        It comes from a thread of the runtime's own, also when nothing has happened; a runtime that does not learn of
        ends by itself never calls. Who looks from time to time finds the same a little later.
        """

    def housekeep(self) -> None:
        """What must be done now and then, such as keeping logs within their bounds; called about once a minute."""

    def close(self) -> None:
        """Give back connections. Containers go on."""
