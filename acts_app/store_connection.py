"""How a container reaches the acts store, and the names of all keys in it.

Retries of commands are off: a write whose answer was lost may have happened, and sending it again would lie ("taken").
Only connecting is tried again, for a while (see `patience`).
"""

from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, ReadOnlyError
from redis.retry import Retry

from acts_app import scripts
from acts_app.patience import Patience, PatientPool, PatientSentinelPool
from acts_app.store_url import sentinels_of

# A redis.Redis that answers in bytes. Its own annotations are unions over every mode it has, and so say nothing.
Client = Any

ANSWER_TIMEOUT = 5.0  # seconds; a store that syncs every write to a slow disk still answers in one
PROBE_TIMEOUT = 0.5  # seconds; the health probe itself is given up after 0.8
CONNECT_TIMEOUT = 1.0  # seconds; the store is on this machine or in this rack

USERS = "store:users"  # zset: name -> account number, in order of sign-up
PASSWORDS = "store:passwords"  # hash: name -> scrypt record
CATEGORIES = "store:categories"  # zset: name -> sequence number, in order of creation
FOUNDERS = "store:founders"  # hash: category -> account number of whoever added it
CATEGORY = "store:category:"  # + name, zset: entry -> seconds, the category's acts
ACTS = "store:acts"  # zset: entry -> seconds, all acts
ACT = "store:act:"  # + id, hash: everything but the image
IMAGE = "store:image:"  # + id, string: the bytes
THUMBNAIL = "store:thumbnail:"  # + id, string: the small picture, made once; empty when none can be made
UPVOTERS = "store:upvoters:"  # + id, set: account numbers
SEQUENCE = "store:sequence"  # integer: the last number given to an account, a category or an act
REQUESTS = "store:requests"  # integer: `_count`
PROBE = "store:probe"  # never exists: `_health` deletes it to learn whether the store takes writes
OF_ONE_ACT = (ACT, IMAGE, THUMBNAIL, UPVOTERS)


def connect(
    url: str, *, timeout: float = ANSWER_TIMEOUT, connections: int = 64, patience: Patience | None = None
) -> Client:
    """A client that answers in bytes; it connects with its first command. `timeout` in seconds."""
    options: dict[str, Any] = {
        "patience": patience,
        "max_connections": connections,
        "socket_timeout": timeout,
        "socket_connect_timeout": min(timeout, CONNECT_TIMEOUT),
        "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [],
        "protocol": 2,
        "client_name": "acts",
    }
    sentinels = sentinels_of(url)
    if sentinels is None:
        return redis.Redis(connection_pool=PatientPool.from_url(url, **options))
    pool = PatientSentinelPool(sentinels.service, sentinels.ask(), **sentinels.connection, **options)
    return redis.Redis(connection_pool=pool)


def read_at_once(client: Client, *commands: tuple[str | int, ...]) -> list[Any]:
    """The answers of several reading commands, all of one moment, as Redis sends them."""
    words = [word for command in commands for word in (len(command), *command)]
    answers: list[Any] = client.register_script(scripts.READ)([], words)
    return answers


def is_full(problem: redis.RedisError) -> bool:
    """Whether the store refused a write because its memory is used up (6.2 wraps the word when a script asked)."""
    return isinstance(problem, OutOfMemoryError) or "OOM command not allowed" in str(problem)


def is_unwritable(problem: redis.RedisError) -> bool:
    """Whether the store answers but takes no write: its disk is full, or it is somebody's replica."""
    sentence = str(problem)
    return isinstance(problem, ReadOnlyError) or any(word in sentence for word in ("MISCONF", "READONLY", "NOREPLICAS"))
