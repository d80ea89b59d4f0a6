"""How many clients a worker can serve with the files that it may have open.

A request takes two, the client's connection and the container's. Where the limit is small, fewer clients are served
than gunicorn's worker_connections asks for; those beyond get their 503, and beyond that nothing: a worker without a
file to spare could neither reach a container nor Redis.
"""

import resource
from dataclasses import dataclass

OWN_FILES = 32  # standard streams, logs, listeners, the loop's own, Redis
TOLD = 16  # clients beyond those served to whom 503 is said at a time, and who linger for it


@dataclass(frozen=True)
class Room:
    """Clients of one worker: how many are served, and at how many connections even 503 costs too much. 0: no limit."""

    served: int
    open: int = 0


def allow_many_files() -> int:
    """Raise the number of open files to what the machine allows, and tell it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def room(wanted: int, files: int) -> Room:
    """For `wanted` clients (0: as many as come) with so many open files allowed."""
    if files == resource.RLIM_INFINITY:
        return Room(wanted)
    possible = max(1, (files - OWN_FILES - TOLD) // 2)
    served = min(wanted or possible, possible)
    return Room(served, max(served + 1, files - OWN_FILES - served))
