"""Asking all containers at once: one kept connection for each, side by side in a pool of threads."""

from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait

from deploy.container import Container
from monitor.probe import Probe, Prober

MAX_THREADS = 64  # more containers than this wait for each other; a thread that waits costs some 100 kB

Place = tuple[str, int]  # the address and the generation that answers there


class Probes:
    """Probes containers with GET `path`, each within `timeout` seconds. For one thread at a time."""

    def __init__(self, path: str, timeout: float, containers: int) -> None:
        self._path = path
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(min(containers, MAX_THREADS), thread_name_prefix="probe")
        self._probers: dict[Place, Prober] = {}
        self._asked: set[Future[Probe]] = set()

    def ask(self, containers: Collection[Container]) -> Iterator[tuple[Container, Probe]]:
        """Probe them all at once; yields each answer as soon as it is there. Never raises."""
        wait(self._asked)  # of a round that was not heard to its end
        self._forget_others(containers)
        waiting = {self._pool.submit(self._prober(container).probe): container for container in containers}
        self._asked = set(waiting)
        for answer in as_completed(waiting):
            yield waiting[answer], answer.result()

    def close(self) -> None:
        """Give all connections up and end the threads."""
        self._pool.shutdown()
        self._forget_others(())

    def _prober(self, container: Container) -> Prober:
        place = (container.address, container.generation)
        if place not in self._probers:
            self._probers[place] = Prober(container.address, self._path, self._timeout)
        return self._probers[place]

    def _forget_others(self, containers: Collection[Container]) -> None:
        """Close the connections to those that are not asked any more."""
        asked = {(container.address, container.generation) for container in containers}
        for place in self._probers.keys() - asked:
            self._probers.pop(place).close()
