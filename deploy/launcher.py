"""Launching, stopping and relaunching containers.

    launch         STARTING: start it → healthy → it joins the ring
    stop           DRAINING: the proxy lets go of it → STOPPING: TERM → gone (KILL when it takes too long)
    replace        the same, and then STARTING: another one, of the image that it names, on the same port
    relaunch_port  SICK: kill the old one → STARTING: start a new one on the same port → healthy → it joins

A job only begins its story: nothing waits here. Waits end in `tend(now)`, which is called again and again and takes
every container that is on its way as far as it gets. Who takes a step first claims it with a compare-and-set move, so
two workers, or a job and `tend`, may work at the same port; and since a step whose move is lost has no effect, or one
that the next `tend` finds and undoes, everybody may die between any two lines.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Collection
from functools import partial

import redis

from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable, whereabouts
from deploy.draining import acknowledged, what_holds_back
from deploy.next_step import Next, Policy, Seen, Step, next_step, rests
from deploy.retries import after_failed_start
from deploy.runtime.base import Found, KillFailed, Runtime, RuntimeRefused, RuntimeTrouble, StartFailed
from lb.heartbeat import WorkerBeat

WHO = "deploy worker"
LOOK_AGAIN = 0.05  # seconds between two looks at a container that is on its way: what joining late costs at the most
KILL_AGAIN = 1.0  # seconds before a kill that failed is tried again
STEPS_IN_A_ROW = 6  # more than any story has between two waits
NOTHING_RUNS: dict[str, object] = {"runtime_id": "", "address": "", "node": "", "pid": 0}
AS_NEW: dict[str, object] = NOTHING_RUNS | {"attempts": 0, "relapses": 0, "next_try_at": 0.0, "parked": 0}

log = logging.getLogger(__name__)


def at_once(task: Callable[[], None]) -> None:
    """Do it here and now."""
    task()


class Launcher:
    """Takes containers through their stories.

    `probe(address)` tells whether a container is healthy, `beats()` what the live proxy workers say about themselves,
    `clock()` gives unix seconds, and `spawn` runs the tending of one container: at once, or in a pool so that a slow
    engine on one port holds up no other. `image()` is what a container is started from that names none itself;
    `note_stopped(port)` keeps a port empty whose container a person has stopped behind our back; it may be called more
    than once for one stop. Methods raise redis.RedisError while Redis is away.
    """

    def __init__(  # noqa: PLR0913 - its seams, all named
        self,
        table: ContainerTable,
        runtime: Runtime,
        *,
        probe: Callable[[str], bool],
        beats: Callable[[], list[WorkerBeat]],
        clock: Callable[[], float],
        policy: Policy,
        spawn: Callable[[Callable[[], None]], object] = at_once,
        image: Callable[[], str] = lambda: "",
        note_stopped: Callable[[int], None] = lambda _port: None,
    ) -> None:
        self._table = table
        self._runtime = runtime
        self._probe = probe
        self._beats = beats
        self._clock = clock
        self._policy = policy
        self._spawn = spawn
        self._image = image
        self._note_stopped = note_stopped
        self._troubled: set[int] = set()  # ports whose last step failed
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)
        self._effects: dict[Step, Callable[[Container, str, float], Container | None]] = {
            Step.START: self._start,
            Step.JOIN: self._join,
            Step.GIVE_UP_START: self._give_up_start,
            Step.END_SICK: self._end_sick,
            Step.RESTART: self._restart,
            Step.FAIL: self._fail,
            Step.LET_GO: self._let_go,
            Step.TERMINATE: self._terminate,
            Step.KILL: self._kill,
            Step.FORGET: self._forget,
            Step.SUCCEED: self._succeed,
        }

    def launch(self, port: int) -> None:
        """Start the container that was added to the table; it joins the ring once it is healthy."""
        self._begin(port, {State.STARTING})

    def stop(self, port: int) -> None:
        """Let a container that has left the ring go: when it is drained, or now if it never was in it."""
        self._begin(port, {State.DRAINING, State.STOPPING})

    def relaunch_port(self, port: int) -> None:
        """Kill what is sick on the port and start another one there."""
        self._begin(port, {State.SICK, State.STARTING})

    def tend(self, now: float) -> float | None:
        """Take every container that is on its way as far as it gets. `now` is unix seconds.

        Returns in how many seconds to look again; None when nobody is on the way.
        """
        on_the_way = [container for container in self._table.all() if not rests(container)]
        for container in on_the_way:
            if self._locks[container.port].acquire(blocking=False):
                self._spawn(partial(self._tend_port, container.port, now))
        return min((pause(container, now) for container in on_the_way), default=None)

    def _begin(self, port: int, states: Collection[State]) -> None:
        """A job's share. When somebody is busy with the port already, the next `tend` sees what the job is about."""
        lock = self._locks[port]
        if not lock.acquire(blocking=False):
            return
        try:
            container = self._table.get(port)
            if container and container.state in states:
                self._go_on(container, self._clock())
        finally:
            lock.release()

    def _tend_port(self, port: int, now: float) -> None:
        """One container's share of `tend`, which has taken the port's lock for it."""
        try:
            container = self._table.get(port)
            if container:
                self._go_on(container, now)
            self._troubled.discard(port)
        except (redis.RedisError, RuntimeTrouble) as error:
            self._say_once(port, str(error), trace=False)
        except Exception as error:
            self._say_once(port, f"this step failed ({error})", trace=True)
        finally:
            self._locks[port].release()

    def _say_once(self, port: int, trouble: str, trace: bool) -> None:
        """A step is tried again twenty times a second; its trouble is told once, until it is over."""
        if port not in self._troubled:
            self._troubled.add(port)
            log.warning("port %d waits: %s", port, trouble, exc_info=trace)

    def _go_on(self, container: Container, now: float) -> None:
        """Take step after step until there is something to wait for, or somebody else was quicker."""
        following: Container | None = container
        for _ in range(STEPS_IN_A_ROW):
            if following is None:
                return
            decision = next_step(following, self._look(following), now, self._policy)
            if decision.step is Step.WAIT:
                return
            following = self._take(decision, following, now)
            now = self._clock()  # an engine may have taken long over the step

    def _take(self, decision: Next, container: Container, now: float) -> Container | None:
        log.info("port %d: %s", container.port, ": ".join(filter(None, [words_of(decision.step), decision.reason])))
        return self._effects[decision.step](container, decision.reason, now)

    # What is seen.

    def _look(self, container: Container) -> Seen:
        if container.state is State.DRAINING:
            return Seen(held_back_by=self._held_back_by(container))
        if container.state is State.STOPPING:
            return Seen(found=self._find(container))
        if container.state is State.STARTING and container.runtime_id:
            found = self._runtime.find(container.runtime_id)
            return Seen(found, healthy=found is not None and found.alive and self._probe(found.address))
        return Seen()

    def _held_back_by(self, container: Container) -> str | None:
        beats = self._beats()
        if acknowledged(beats, container.ring_version, container.port):
            return None
        return what_holds_back(beats, container.ring_version, container.port)

    def _find(self, container: Container) -> Found | None:
        """What runs for a container; by its port when whoever started it died before noting the id."""
        if container.runtime_id:
            return self._runtime.find(container.runtime_id)
        return next((found for found in self._runtime.running() if found.port == container.port), None)

    # What is done. Each returns the container as it is afterwards, None when there is nothing more to do with it now.

    def _start(self, container: Container, _reason: str, _now: float) -> Container | None:
        try:
            image = container.image or self._image()
            found = self._runtime.start(container.port, container.generation, image, container.place)
        except (StartFailed, RuntimeRefused) as error:
            return self._give_up_start(container, str(error), self._clock())
        except OSError as error:  # of the disk, of an engine: as bounded as any other failure
            return self._give_up_start(container, f"it cannot be started ({error})", self._clock())
        if found.generation != container.generation:
            self._end_leftover(found, container)
            return None
        deadline = self._clock() + self._policy.boot_timeout
        started = self._table.update(container, **whereabouts(found), place="", deadline=deadline)
        if started is None:
            self._end_unwanted(found)
        return started

    def _end_leftover(self, found: Found, container: Container) -> None:
        """End one of ours from before that still runs on the port.

        A later one may mean that our view is old: then the row has moved on. If it has not, the one that runs is of
        a Redis that was lost before the clock was set back, since generations of one Redis only grow.
        """
        if found.generation < container.generation or self._is_current(container):
            self._runtime.kill(found.runtime_id)

    def _is_current(self, container: Container) -> bool:
        current = self._table.get(container.port)
        return current is not None and (current.generation, current.moves) == (container.generation, container.moves)

    def _end_unwanted(self, found: Found) -> None:
        """End what we have just started if its container went away meanwhile; if it only moved on, it is kept."""
        current = self._table.get(found.port)
        if current is None or current.generation != found.generation:
            self._runtime.kill(found.runtime_id)

    def _join(self, container: Container, reason: str, now: float) -> Container | None:
        return self._table.move(container, State.RUNNING, now=now, reason=reason, by=WHO, attempts=0)

    def _give_up_start(self, container: Container, reason: str, now: float) -> Container | None:
        """Out with it as sick: the kill comes after the move, or it might hit one that somebody let join just now."""
        words = self._runtime.last_words(container.runtime_id) if container.runtime_id else ""
        told = f"{reason}; {words}" if words else reason
        changes = after_failed_start(container, now)
        return self._table.move(container, State.SICK, now=now, reason=told, by=WHO, place="", **changes)

    def _end_sick(self, container: Container, _reason: str, now: float) -> Container | None:
        # One that never became healthy is not asked about: it may be our own TERM that ended it.
        if not container.attempts and self._runtime.stopped_by_hand(container.runtime_id):
            self._note_stopped(container.port)  # first: who dies here leaves a port that is empty too early, not filled
            return self._table.move(container, State.STOPPING, now=now, reason="stopped by hand", by=WHO)
        return self._table.update(container, **NOTHING_RUNS) if self._killed(container) else None

    def _restart(self, container: Container, reason: str, now: float) -> Container | None:
        return self._table.move(container, State.STARTING, now=now, reason=reason, by=WHO)

    def _fail(self, container: Container, reason: str, now: float) -> Container | None:
        return self._table.move(container, State.FAILED, now=now, reason=reason, by=WHO)

    def _let_go(self, container: Container, reason: str, now: float) -> Container | None:
        return self._table.move(container, State.STOPPING, now=now, reason=reason, by=WHO)

    def _terminate(self, container: Container, _reason: str, _now: float) -> Container | None:
        found = self._find(container)
        if found:
            self._runtime.terminate(found.runtime_id)
        self._table.update(container, deadline=self._clock() + self._policy.stop_grace)
        return None

    def _kill(self, container: Container, _reason: str, _now: float) -> Container | None:
        return container if self._killed(container) else None

    def _killed(self, container: Container) -> bool:
        """Kill what runs for the container; when it survives, note when to try again and say so."""
        found = self._find(container)
        try:
            if found:
                self._runtime.kill(found.runtime_id)
        except KillFailed as error:
            log.warning("port %d: %s", container.port, error)
            self._table.update(container, deadline=self._clock() + KILL_AGAIN)
            return False
        return True

    def _forget(self, container: Container, reason: str, now: float) -> Container | None:
        """It has ended by itself; what a runtime keeps of the dead is removed with the row."""
        if self._killed(container):
            self._table.remove(container, now=now, reason=reason, by=WHO)
        return None

    def _succeed(self, container: Container, reason: str, now: float) -> Container | None:
        """It has ended; its port goes to the one that follows."""
        if not self._killed(container):
            return None
        fresh = {"image": container.successor, "successor": "", "created_at": now, **AS_NEW}
        return self._table.move(container, State.STARTING, now=now, reason=reason, by=WHO, **fresh)


def words_of(step: Step) -> str:
    """A step's name for the log."""
    return step.name.lower().replace("_", " ")


def pause(container: Container, now: float) -> float:
    """Seconds until a container on its way should be looked at again."""
    if container.state is State.SICK and not container.runtime_id:
        return max(LOOK_AGAIN, container.next_try_at - now)
    return LOOK_AGAIN
