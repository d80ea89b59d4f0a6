"""When the proxy is done with a container that has left the ring: pure, over the workers' heartbeats."""

from collections.abc import Iterable

from lb.heartbeat import WorkerBeat


def holds_back(beat: WorkerBeat, version: int, port: int) -> bool:
    """Whether this worker may still have something to do with the port.

    A worker that has acted on a later version has acted on this one too. One that has acted routes nothing new to
    the port, so once its count is 0 it stays 0.
    """
    return beat.ring_version < version or beat.in_flight.get(port, 0) > 0


def acknowledged(beats: Iterable[WorkerBeat], version: int, port: int) -> bool:
    """Whether every live worker has acted on that version of the ring and has nothing in flight to the port.

    Without live workers there is nothing to wait for.
    """
    return not any(holds_back(beat, version, port) for beat in beats)


def what_holds_back(beats: Iterable[WorkerBeat], version: int, port: int) -> str:
    """Who is waited for, as the end of a sentence: for the event when the patience is over."""
    waited_for = [beat for beat in beats if holds_back(beat, version, port)]
    requests = sum(beat.in_flight.get(port, 0) for beat in waited_for)
    late = sum(beat.ring_version < version for beat in waited_for)
    return f"{requests} requests in flight, {late} workers had not acted on version {version} of the ring"
