"""The acts as one file, taken and put back while people go on using the service.

The file is gzipped JSON lines: a head, accounts, categories, acts (each whole, with its image), and an end that counts
them and holds a SHA-256 over all lines before. Thumbnails are left out, they are made anew.

A backup lists everything in one moment and then reads act by act. What is removed meanwhile is left out, what is
uploaded meanwhile belongs to the next backup; so every act in the file has its category there, as in the store.
"""

import base64
import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from acts_app.store_connection import (
    ACT,
    ACTS,
    CATEGORIES,
    CATEGORY,
    FOUNDERS,
    IMAGE,
    PASSWORDS,
    SEQUENCE,
    UPVOTERS,
    USERS,
    Client,
    read_at_once,
)

FORMAT = "selfieless acts 1"
BATCH = 20  # acts in one MULTI: some ten megabytes of photos
EVERYTHING = "store:*"


class BackupError(Exception):
    """The backup cannot be written, or is none; the message is a sentence for the person."""


@dataclass(frozen=True)
class Counts:
    """What a backup holds."""

    users: int
    categories: int
    acts: int


@dataclass(frozen=True)
class Lists:
    """Everything but the acts themselves, of one moment."""

    users: list[tuple[bytes, int]]
    passwords: dict[bytes, bytes]
    categories: list[tuple[bytes, int]]
    founders: dict[bytes, bytes]
    acts: list[tuple[bytes, int]]
    sequence: int


def read_lists(client: Client) -> Lists:
    """All of it, of one moment."""
    whole = (0, -1, "WITHSCORES")
    users, passwords, categories, founders, acts, sequence = read_at_once(
        client,
        ("ZRANGE", USERS, *whole),
        ("HGETALL", PASSWORDS),
        ("ZRANGE", CATEGORIES, *whole),
        ("HGETALL", FOUNDERS),
        ("ZRANGE", ACTS, *whole),
        ("GET", SEQUENCE),
    )
    scored = [[(name, int(score)) for name, score in pairs(flat)] for flat in (users, categories, acts)]
    return Lists(scored[0], dict(pairs(passwords)), scored[1], dict(pairs(founders)), scored[2], int(sequence or 0))


def pairs(flat: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Redis's flat list of names and values, two by two."""
    return list(zip(flat[::2], flat[1::2], strict=True))


class Writer:
    """Lines into a gzip file, with a hash over them."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def write(self, record: dict[str, Any]) -> None:
        """One line."""
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        self._digest.update(line)
        self._file.write(line)

    def end(self, counts: Counts) -> None:
        """The last line."""
        end = {"end": vars(counts), "sha256": self._digest.hexdigest()}
        self._file.write(json.dumps(end).encode() + b"\n")


def backup(client: Client, path: Path) -> Iterator[tuple[int, int]]:
    """Write the backup, yielding (acts read, acts in all). The file appears when it is complete."""
    draft = path.with_name(path.name + ".part")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds password records
        with os.fdopen(descriptor, "wb") as raw, gzip.open(raw, "wb", compresslevel=1) as file:
            yield from write_all(client, Writer(file))
            file.close()
            os.fsync(descriptor)
        draft.replace(path)
    except OSError as problem:
        raise BackupError(f"{path} cannot be written: {problem.strerror}.") from problem
    finally:
        draft.unlink(missing_ok=True)


def write_all(client: Client, writer: Writer) -> Iterator[tuple[int, int]]:
    """All lines."""
    lists = read_lists(client)
    writer.write({"format": FORMAT, "taken": datetime.now(UTC).isoformat(), "sequence": lists.sequence})
    for name, number in lists.users:
        writer.write({"user": name.decode(), "number": number, "password": lists.passwords[name].decode()})
    for name, number in lists.categories:
        founder = lists.founders.get(name, b"").decode()
        writer.write({"category": name.decode(), "number": number, "founder": founder})
    kept = 0
    for begin in range(0, len(lists.acts), BATCH):
        batch = lists.acts[begin : begin + BATCH]
        for record in read_acts(client, batch):
            writer.write(record)
            kept += 1
        yield begin + len(batch), len(lists.acts)
    writer.end(Counts(len(lists.users), len(lists.categories), kept))


def read_acts(client: Client, batch: list[tuple[bytes, int]]) -> Iterator[dict[str, Any]]:
    """Those acts of the batch that are still there, whole."""
    for entry, seconds in batch:
        act_id = entry.decode().partition(":")[2]
        flat, image, upvoters = read_at_once(
            client, ("HGETALL", ACT + act_id), ("GET", IMAGE + act_id), ("SMEMBERS", UPVOTERS + act_id)
        )
        act = dict(pairs(flat))
        if act.get(b"entry") == entry and image is not None:
            yield whole_act(act, seconds, image, upvoters)


def whole_act(act: dict[bytes, bytes], seconds: int, image: bytes, upvoters: list[bytes]) -> dict[str, Any]:
    """One act as a line."""
    fields = {name.decode(): value.decode() for name, value in act.items()}
    votes = sorted(number.decode() for number in upvoters)
    return {"act": fields, "seconds": seconds, "upvoters": votes, "image": base64.b64encode(image).decode()}


def lines(path: Path) -> Iterator[bytes]:
    """The file's lines; BackupError for what is no gzip file or cut short."""
    try:
        with gzip.open(path, "rb") as file:
            yield from file
    except (EOFError, gzip.BadGzipFile) as problem:
        raise BackupError(f"{path} is no backup, or only a part of one.") from problem
    except OSError as problem:
        raise BackupError(f"{path} cannot be read: {problem.strerror or problem}.") from problem


def check(path: Path) -> Counts:
    """Read the whole file and compare it with its own end; what it holds."""
    digest, last = hashlib.sha256(), b""
    for number, line in enumerate(lines(path)):
        if number == 0 and FORMAT.encode() not in line:
            break
        digest.update(last)
        last = line
    try:
        end = json.loads(last)
        counts = Counts(**end["end"])
    except (ValueError, KeyError, TypeError) as problem:
        raise BackupError(f"{path} is no backup, or only a part of one.") from problem
    if end["sha256"] != digest.hexdigest():
        raise BackupError(f"{path} is damaged: its checksum does not fit.")
    return counts


def acts_in_store(client: Client) -> int:
    """How many acts a restore would meet."""
    return int(client.zcard(ACTS))


def is_empty(client: Client) -> bool:
    """Whether nobody has signed up, added or uploaded anything."""
    return not client.exists(USERS, CATEGORIES, ACTS)


def clear(client: Client) -> None:
    """Remove everything that belongs to the acts."""
    for keys in batches(client.scan_iter(EVERYTHING, count=1000), 500):
        client.unlink(*keys)


def batches(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """The items in lists of at most `size`."""
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def restore(client: Client, path: Path) -> Iterator[int]:
    """Put a checked backup into an empty store, yielding the number of acts put back so far.

    Each batch is one MULTI, categories come before their acts: whoever looks meanwhile sees a part, never a half.
    """
    done = 0
    for batch in batches((json.loads(line) for line in lines(path)), BATCH):
        with client.pipeline(transaction=True) as pipe:
            for record in batch:
                put(pipe, record)
            pipe.execute()
        done += sum("act" in record for record in batch)
        yield done


def put(pipe: Client, record: dict[str, Any]) -> None:
    """Queue what one line says."""
    if "act" in record:
        put_act(pipe, record)
    elif "user" in record:
        pipe.zadd(USERS, {record["user"]: record["number"]})
        pipe.hset(PASSWORDS, record["user"], record["password"])
    elif "category" in record:
        pipe.zadd(CATEGORIES, {record["category"]: record["number"]})
        pipe.hset(FOUNDERS, record["category"], record["founder"])
    elif "format" in record:
        pipe.set(SEQUENCE, record["sequence"])


def put_act(pipe: Client, record: dict[str, Any]) -> None:
    """Queue one act."""
    act = record["act"]
    pipe.hset(ACT + act["id"], mapping=act)
    pipe.set(IMAGE + act["id"], base64.b64decode(record["image"]))
    if record["upvoters"]:
        pipe.sadd(UPVOTERS + act["id"], *record["upvoters"])
    for key in (ACTS, CATEGORY + act["category"]):
        pipe.zadd(key, {act["entry"]: record["seconds"]})
