"""A runtime in memory, in virtual time, whose containers misbehave as they are told: for tests.

It keeps the same promises as the real ones, which the contract suite checks. What a container does is scripted before
it starts: `runtime.will(8000, Behaviour(never_healthy), Behaviour())` makes the first start on that port stay sick and
the next one be well. Several `FakeRuntime`s that share one `World` are several processes on one machine.
"""

import itertools
import math
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from deploy.runtime.base import Found, ImageMissing, KillFailed, PortBusy, StartFailed, Tell


@dataclass(frozen=True)
class Behaviour:
    """What one container will do; times are seconds from its start, or from TERM. The default is a well-behaved one."""

    healthy_after: float = 0.0  # math.inf: never
    exits_after: float = math.inf
    ends_after_term: float = 0.0  # math.inf: hangs on TERM
    start_error: str = ""  # it cannot even be started, for this reason
    survives_kill: bool = False
    exit_code: int = 1
    words: str = ""  # the last thing that it writes


@dataclass
class Process:
    """One container of the fake."""

    id: str
    port: int
    generation: int
    behaviour: Behaviour
    started: float
    ends_at: float
    image: str = ""
    node: str = ""
    well: bool = True
    frozen: bool = False
    by_hand: bool = False  # somebody stopped it with the runtime's own means

    def alive(self, now: float) -> bool:
        """Whether it runs."""
        return now < self.ends_at


@dataclass
class World:
    """What exists on the machine. `clock` gives seconds."""

    clock: Callable[[], float]
    processes: dict[str, Process] = field(default_factory=dict)
    images: dict[str, Behaviour] = field(default_factory=dict)  # how containers of an image behave, unless scripted
    configured: str = "v1"  # the image that is started when none is named
    nodes: list[str] = field(default_factory=list)  # that may take containers; none: there is but this machine
    full: set[str] = field(default_factory=set)  # of them those that have no room for another one
    strangers: set[int] = field(default_factory=set)  # ports on which somebody else listens
    scripts: defaultdict[int, deque[Behaviour]] = field(default_factory=lambda: defaultdict(deque))
    ids: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def living(self) -> list[Process]:
        """Everything that runs, ordered by port."""
        now = self.clock()
        return sorted((p for p in self.processes.values() if p.alive(now)), key=lambda p: p.port)

    def on(self, port: int) -> Process | None:
        """What runs on a port."""
        return next((process for process in self.living() if process.port == port), None)

    def place(self, node: str = "") -> str:
        """Where a new container goes: to the node, else to the one with the fewest of those that have room."""
        room = [one for one in self.nodes if one not in self.full and node in ("", one)]
        if self.nodes and not room:
            raise StartFailed("no suitable node")
        here = [process.node for process in self.living()]
        return min(room, key=here.count, default="")

    def stop_by_hand(self, port: int) -> None:
        """Somebody stops what runs on the port with the runtime's own means."""
        process = self.on(port)
        if process:
            process.ends_at, process.by_hand = self.clock(), True


class FakeRuntime:
    """The protocol over a `World`."""

    name = "fake"

    def __init__(self, world: World) -> None:
        self.world = world

    def prepare(self, image: str, tell: Tell) -> str:
        """As the protocol says; "missing" is the one image that cannot be had."""
        if image == "missing":
            raise ImageMissing("there is no image missing")
        tell(f"{image or self.world.configured} is ready")
        return image or self.world.configured

    def start(self, port: int, generation: int, image: str = "", node: str = "") -> Found:
        """As the protocol says."""
        with self.world.lock:
            process = self.world.on(port)
            if process is None or process.frozen:
                self.crash(port)
                process = self._started(port, generation, image or self.world.configured, node)
            return self._found(process)

    def terminate(self, runtime_id: str) -> None:
        """As the protocol says."""
        with self.world.lock:
            process = self.world.processes.get(runtime_id)
            if process:
                process.ends_at = min(process.ends_at, self.world.clock() + process.behaviour.ends_after_term)

    def kill(self, runtime_id: str) -> None:
        """As the protocol says."""
        with self.world.lock:
            process = self.world.processes.get(runtime_id)
            if process is None or not process.alive(self.world.clock()):
                return
            if process.behaviour.survives_kill:
                raise KillFailed(f"{runtime_id} is still there after KILL")
            process.ends_at = self.world.clock()

    def pause(self, runtime_id: str) -> None:
        """As the protocol says."""
        self._set_frozen(runtime_id, True)

    def resume(self, runtime_id: str) -> None:
        """As the protocol says."""
        self._set_frozen(runtime_id, False)

    def _set_frozen(self, runtime_id: str, frozen: bool) -> None:
        with self.world.lock:
            process = self.world.processes.get(runtime_id)
            if process:
                process.frozen = frozen

    def running(self) -> list[Found]:
        """As the protocol says."""
        with self.world.lock:
            return [self._found(process) for process in self.world.living()]

    def nodes(self) -> list[str]:
        """As the protocol says."""
        return sorted(self.world.nodes)

    def find(self, runtime_id: str) -> Found | None:
        """As the protocol says."""
        with self.world.lock:
            process = self.world.processes.get(runtime_id)
            return self._found(process) if process else None

    def stopped_by_hand(self, runtime_id: str) -> bool:
        """As the protocol says."""
        with self.world.lock:
            process = self.world.processes.get(runtime_id)
            return bool(process and process.by_hand)

    def last_words(self, runtime_id: str) -> str:
        """As the protocol says."""
        with self.world.lock:
            process = self.world.processes.get(runtime_id)
            if process is None or process.alive(self.world.clock()):
                return ""
            behaviour = process.behaviour
            return "; ".join(filter(None, [f"exit code {behaviour.exit_code}", behaviour.words]))

    def watch(self, heard: Callable[[], None], until: threading.Event) -> None:
        """Nothing tells of ends here: who looks will see."""

    def housekeep(self) -> None:
        """There is nothing to keep."""

    def close(self) -> None:
        """There is nothing to give back."""

    # What tests do to it.

    def will(self, port: int, *behaviours: Behaviour) -> None:
        """Script the next starts on a port; those after them are well-behaved."""
        self.world.scripts[port].extend(behaviours)

    def crash(self, port: int) -> None:
        """What runs on the port dies."""
        process = self.world.on(port)
        if process:
            process.ends_at = self.world.clock()

    def freeze(self, port: int) -> None:
        """What runs on the port is paused."""
        process = self.world.on(port)
        if process:
            process.frozen = True

    def stop_by_hand(self, port: int) -> None:
        """A person stops what runs on the port."""
        self.world.stop_by_hand(port)

    def sicken(self, port: int) -> None:
        """What runs on the port answers 500 from now on."""
        process = self.world.on(port)
        if process:
            process.well = False

    def probe(self, address: str) -> bool:
        """The health check of this world; goes where a `HealthProbe` goes."""
        process = self.world.on(int(address.rpartition(":")[2]))
        if process is None or process.frozen:
            return False
        return process.well and self._age(process) >= process.behaviour.healthy_after

    def _age(self, process: Process) -> float:
        return self.world.clock() - process.started

    def _started(self, port: int, generation: int, image: str, node: str) -> Process:
        if port in self.world.strangers:
            raise PortBusy(f"port {port} is taken by a stranger")
        script = self.world.scripts[port]
        behaviour = script.popleft() if script else self.world.images.get(image, Behaviour())
        if behaviour.start_error:
            raise StartFailed(behaviour.start_error)
        now = self.world.clock()
        name, ends_at = f"fake-{next(self.world.ids)}", now + behaviour.exits_after
        place = self.world.place(node)
        process = Process(name, port, generation, behaviour, now, ends_at, image=image, node=place)
        self.world.processes[process.id] = process
        return process

    def _found(self, process: Process) -> Found:
        alive, address = process.alive(self.world.clock()), f"127.0.0.1:{process.port}"
        known = (process.id, process.port, address, alive, process.generation, None, process.image, process.node)
        return Found(*known, process.frozen)
