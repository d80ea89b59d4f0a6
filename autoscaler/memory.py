"""What the scaling rule remembers from tick to tick. It is in Redis, so that an autoscaler may die at any instant.

    NAME:wanted           sorted set   member = number of containers, score = unix time it was last wanted
    NAME:changes          hash         target = the last one, up_at and down_at = unix times of the last changes
    NAME:requests:since   string       unix time since when requests are recorded without loss

The last one is written when it is missing: after Redis has lost everything it says how young the window is.
All are written and read by the autoscaler; two autoscalers may write them at once. A shadow policy remembers under a
name of its own (`shadow_of`).
"""

from collections.abc import Iterable, Mapping

import redis
from redis.client import Pipeline

from autoscaler.brakes import UNKNOWN, Changes
from autoscaler.policy import Decision, History


def wanted_key(service: str) -> str:
    """Key of the numbers that were wanted."""
    return f"{service}:wanted"


def changes_key(service: str) -> str:
    """Key of what the brakes remember."""
    return f"{service}:changes"


def since_key(service: str) -> str:
    """Key of the beginning of the window's records."""
    return f"{service}:requests:since"


def shadow_of(service: str) -> str:
    """The name under which a service's shadow policy remembers."""
    return f"{service}:shadow"


def queue_read_past(pipe: Pipeline, name: str) -> None:
    """Queue the reading of a policy's past: two answers, for `history_of` and `changes_of`."""
    pipe.zrange(wanted_key(name), 0, -1, withscores=True)
    pipe.hgetall(changes_key(name))


def queue_read_since(pipe: Pipeline, service: str) -> None:
    """Queue the reading of the window's beginning: one answer, for `age_of`."""
    pipe.get(since_key(service))


def history_of(answer: Iterable[tuple[str, float]]) -> History:
    """The history of the first answer."""
    return {int(number): at for number, at in answer}


def changes_of(fields: Mapping[str, str]) -> Changes:
    """What the brakes remember, of the second answer; unknown when there is none."""
    if not fields:
        return UNKNOWN
    return Changes(int(fields["target"]), float(fields["up_at"]), float(fields["down_at"]))


def age_of(answer: str | None, now: float) -> float:
    """For how many seconds requests have been recorded; 0 when that begins now."""
    return 0.0 if answer is None else max(0.0, now - float(answer))


def queue_write_past(pipe: Pipeline, name: str, history: History, decision: Decision) -> None:
    """Queue the remembering of what a decision leaves behind, and forget what the rule looks back on no more."""
    # GT: of two autoscalers the later time stays, whoever writes last.
    pipe.zadd(wanted_key(name), {str(number): at for number, at in history.items()}, gt=True)
    pipe.zremrangebyscore(wanted_key(name), "-inf", f"({decision.measured.at - decision.policy.stabilization}")
    changes = decision.changes
    pipe.hset(changes_key(name), "target", str(changes.target))
    pipe.hset(changes_key(name), "up_at", repr(changes.up_at))
    pipe.hset(changes_key(name), "down_at", repr(changes.down_at))


def want(client: redis.Redis, service: str, number: int, now: float) -> None:
    """Remember that somebody wanted so many containers at unix time `now`: they are kept as after a moment's load."""
    client.zadd(wanted_key(service), {str(number): now}, gt=True)


def queue_write_since(pipe: Pipeline, service: str, now: float, *, anew: bool) -> None:
    """Queue the beginning of the window's records, unless it is known; `anew`: they have begun once more."""
    pipe.set(since_key(service), repr(now), nx=not anew)
