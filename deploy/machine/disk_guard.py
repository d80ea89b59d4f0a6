"""Keeps the acts store alive on a full disk: it refuses what is new in time, and takes it again when there is room.

The guard keeps space for the store's next writes (`reserve`). When that cannot be had any more, it bounds the store's
memory to nothing, so that Redis itself refuses whatever would make it larger, in scripts too, and goes on to answer
who only looks. A store that was killed and started again is told anew by the next look. Where the file system cannot
reserve, the free space decides.
"""

import logging
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import redis

from deploy import disk_full
from deploy.machine.reserve import append_only_file, is_reserved
from lb.redis_client import connect
from lb.settings import ServiceSettings

RESERVE = 64_000_000  # bytes of disk for the store's next writes: some of the largest uploads
LOOK_SECONDS = 0.25  # between two looks: what comes in meanwhile fits into the reserve
PATIENCE = 0.5  # seconds for each answer of a Redis
MEGABYTE = 1_000_000
REFUSE, TAKE = "1", "0"  # bytes of memory that the store may use; 0: no bound
REWRITE_AT, NEVER = "100", "0"  # percent that the append-only file has grown by when Redis writes it anew

log = logging.getLogger(__name__)


@dataclass
class DiskGuard:
    """For the store that appends in `folder`. `reserve` is in bytes; `service` is told through its state Redis."""

    store: redis.Redis
    state: redis.Redis
    service: str
    folder: Path
    reserve: int
    who: str = "up"
    refuses: bool = False
    blind: bool = False

    def tick(self, now: float) -> None:
        """Look once, and see to it that store and operator know. A Redis that is away is told by the next look.

        A disk that cannot be looked at is not known to be full: all stays as it is, which is said once.
        """
        try:
            self.refuses = not self.has_room()
        except OSError as error:
            if not self.blind:
                log.warning("%s cannot be watched (%s): the acts store ends when its disk is full", self.folder, error)
            self.blind = True
            return
        self.blind = False
        with suppress(redis.RedisError):
            self.tell_store()
        with suppress(redis.RedisError):
            self.tell_people(now)

    def has_room(self) -> bool:
        """Whether more may be kept. Who refuses waits for more room than is needed, lest it comes and goes.

        Raises OSError for what is no lack of room.
        """
        file = append_only_file(self.folder)
        reserved = is_reserved(file, self.reserve) if file else None
        free = shutil.disk_usage(self.folder).free
        needed = 0 if reserved else self.reserve
        if self.refuses:
            needed += self.reserve // 2
        return reserved is not False and free >= needed

    def tell_store(self) -> None:
        """Set what is not yet so; raises redis.RedisError."""
        self.set("maxmemory", REFUSE if self.refuses else TAKE)
        self.set("auto-aof-rewrite-percentage", REWRITE_AT if self.rewriting_fits() else NEVER)

    def set(self, name: str, value: str) -> None:
        """One setting of the store, if it is another one now: Redis writes a line to its log for each."""
        if cast("dict[str, str]", self.store.config_get(name))[name] != value:
            self.store.config_set(name, value)

    def rewriting_fits(self) -> bool:
        """Whether the disk has room for a second append-only file: Redis 6 begins again at once when it has not."""
        if self.refuses:
            return False
        with suppress(OSError):
            written = sum(file.stat().st_size for file in self.folder.rglob("appendonly.aof*"))
            return shutil.disk_usage(self.folder).free > written + self.reserve
        return False

    def tell_people(self, now: float) -> None:
        """Event, `status` and dashboard; raises redis.RedisError."""
        if self.refuses:
            disk_full.say(self.state, self.service, self.reason, self.who, now)
        else:
            disk_full.take_back(self.state, self.service, self.who, now)

    @property
    def reason(self) -> str:
        """What is wrong, and what to do."""
        return (
            f"the disk of {self.folder} is full: acts can be looked at, and new ones are refused (507). "
            f"Free {1.5 * self.reserve / MEGABYTE:.0f} MB or more"
        )


def guard_of(store_url: str, service: ServiceSettings, folder: Path, reserve: int, who: str = "up") -> DiskGuard:
    """The guard of the store at a URL."""
    store, state = (
        connect(url, timeout=PATIENCE, name=who.replace(" ", "-")) for url in (store_url, service.redis_url)
    )
    return DiskGuard(store, state, service.name, folder, reserve, who)
