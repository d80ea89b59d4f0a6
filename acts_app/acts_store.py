"""Acts in the store: a hash for each, its image beside it, and sorted sets that keep the lists in order.

A list of acts costs the same however long it is: the range comes out of a sorted set, the acts out of their hashes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from acts_app import scripts
from acts_app.store_connection import (
    ACT,
    ACTS,
    CATEGORIES,
    CATEGORY,
    IMAGE,
    OF_ONE_ACT,
    SEQUENCE,
    THUMBNAIL,
    UPVOTERS,
    USERS,
    Client,
    is_full,
    read_at_once,
)
from acts_app.validate import NewAct

FIELDS = ("size", "id", "username", "timestamp", "caption", "upvotes", "category", "account", "entry")
NO_IMAGES = -1  # bytes: fewer than no image has
MOST = 100  # acts in one list, by the protocol
ALL = ""  # in place of a category's name: every act there is


@dataclass(frozen=True)
class Act:
    """An act without its image. `size` is the image's bytes, `account` the uploader's number or empty."""

    size: int
    id: str
    username: str
    timestamp: str
    caption: str
    upvotes: int
    category: str
    account: str
    entry: str


@dataclass(frozen=True)
class Listing:
    """A stretch of a list: its acts, newest first, and how many the whole list has; their images if they were small."""

    size: int
    acts: list[Act]
    images: list[bytes]


class ActsStore:
    """The key families ACTS, CATEGORY, ACT, IMAGE, THUMBNAIL and UPVOTERS."""

    def __init__(self, client: Client) -> None:
        self._redis = client
        self._add = client.register_script(scripts.ADD_ACT)
        self._remove = client.register_script(scripts.REMOVE_ACT)
        self._upvote = client.register_script(scripts.UPVOTE)
        self._upvote_once = client.register_script(scripts.UPVOTE_ONCE)
        self._keep_thumbnail = client.register_script(scripts.KEEP_THUMBNAIL)
        self._list = client.register_script(scripts.LIST)

    def add(self, act: NewAct, by: str) -> str:
        """Upload: "added", "taken", "no user" or "no category". `by` is an account number, or ANYBODY."""
        keys = [USERS, CATEGORIES, SEQUENCE, ACTS, CATEGORY + act.category, ACT + act.act_id, IMAGE + act.act_id]
        head = [act.act_id, act.username, act.timestamp, act.seconds, act.caption, act.category]
        return str(self._add(keys, [*head, act.image, len(act.image), by]).decode())

    def remove(self, act_id: str, by: str) -> int:
        """1, 0 when there is no such act, -1 when it is not `by`'s."""
        return int(self._remove([ACT + act_id, ACTS], [by, CATEGORY, act_id, *OF_ONE_ACT]))

    def upvote(self, act_id: str) -> bool:
        """One more upvote; False when there is no such act."""
        return self._upvote([ACT + act_id]) is not None

    def upvote_once(self, act_id: str, account: str, wanted: bool) -> int | None:
        """Make the account's one upvote be there, or not; the act's upvotes after it, None without such an act."""
        votes = self._upvote_once([ACT + act_id, UPVOTERS + act_id], [account, int(wanted)])
        return None if votes is None else int(votes)

    def upvoted(self, acts: Sequence[Act], account: str) -> set[str]:
        """The ids of those acts that the account has upvoted."""
        with self._redis.pipeline(transaction=False) as pipe:
            for act in acts:
                pipe.sismember(UPVOTERS + act.id, account)
            return {act.id for act, voted in zip(acts, pipe.execute(), strict=True) if voted}

    def count(self) -> int:
        """The number of all acts."""
        return int(self._redis.zcard(ACTS))

    def find(self, act_id: str) -> Act | None:
        """One act."""
        values = self._redis.hmget(ACT + act_id, FIELDS)
        return None if values[0] is None else as_act(values)

    def whole(self, category: str, image_bytes: int = NO_IMAGES) -> Listing | None:
        """The category's acts when there are no more than 100, else only their number; None: unknown category.

        With their images, when all of them together are no more than `image_bytes`.
        """
        return self._listing(category, 0, -1, image_bytes)

    def stretch(self, category: str, start: int, end: int, image_bytes: int = NO_IMAGES) -> Listing | None:
        """Acts number `start` to `end` (1 = newest, inclusive); those that do not exist are left out."""
        if not 1 <= start <= end:
            return self._listing(category, 1, 0, image_bytes)
        return self._listing(category, start - 1, min(end, start + MOST) - 1, image_bytes)

    def _listing(self, category: str, first: int, last: int, image_bytes: int) -> Listing | None:
        keys = [CATEGORIES, CATEGORY + category if category else ACTS]
        known, size, rows, images = self._list(keys, [category, first, last, MOST, ACT, IMAGE, image_bytes, *FIELDS])
        return Listing(size, [as_act(row) for row in rows], images) if known else None

    def passed(self, category: str, seconds: int, entry: str) -> int:
        """How many acts of the list come up to and with the entry; where it is gone, how many are newer."""
        key = CATEGORY + category if category else ACTS
        rank, newer = read_at_once(self._redis, ("ZREVRANK", key, entry), ("ZCOUNT", key, f"({seconds}", "+inf"))
        return int(newer) if rank is None else int(rank) + 1

    def newest(self, categories: Sequence[str]) -> dict[str, Act]:
        """The newest act of each category that has one."""
        with self._redis.pipeline(transaction=False) as pipe:
            for name in categories:
                pipe.zrevrange(CATEGORY + name, 0, 0)
            entries = [found[0].decode() if found else None for found in pipe.execute()]
            for entry in filter(None, entries):
                pipe.hmget(ACT + entry.partition(":")[2], FIELDS)
            acts = [as_act(row) for row in pipe.execute() if row[0] is not None]
        return {act.category: act for act in acts}

    def images(self, acts: Sequence[Act]) -> list[bytes | None]:
        """The acts' images; None for an act that was removed in the meantime."""
        return list(self._redis.mget([IMAGE + act.id for act in acts])) if acts else []

    def batches(self, acts: Sequence[Act], most_bytes: int) -> Iterator[Sequence[Act]]:
        """The acts in runs whose images together stay below `most_bytes`, or that are one act alone."""
        begin, total = 0, 0
        for i, act in enumerate(acts):
            if i > begin and total + act.size > most_bytes:
                yield acts[begin:i]
                begin, total = i, 0
            total += act.size
        yield acts[begin:]

    def with_image(self, act_id: str) -> tuple[Act, bytes] | None:
        """One act, and its image."""
        act, image = self._with(IMAGE + act_id, act_id)
        return None if act is None or image is None else (act, image)

    def with_thumbnail(self, act_id: str) -> tuple[Act | None, bytes | None]:
        """One act, and its small picture: empty when none can be made, None when nobody has tried."""
        return self._with(THUMBNAIL + act_id, act_id)

    def _with(self, key: str, act_id: str) -> tuple[Act | None, bytes | None]:
        values, data = read_at_once(self._redis, ("HMGET", ACT + act_id, *FIELDS), ("GET", key))
        return (None if values[0] is None else as_act(values)), data

    def keep_thumbnail(self, act: Act, picture: bytes) -> None:
        """Store the small picture, unless the act is gone by now. A full store does without."""
        try:
            self._keep_thumbnail([ACT + act.id, THUMBNAIL + act.id], [act.entry, picture])
        except redis.ResponseError as problem:
            if not is_full(problem):
                raise


def as_act(values: Sequence[Any]) -> Act:
    """A row of FIELDS as an act."""
    words = [value.decode() for value in values]
    size, act_id, username, timestamp, caption, upvotes, category, account, entry = words
    return Act(int(size), act_id, username, timestamp, caption, int(upvotes), category, account, entry)
