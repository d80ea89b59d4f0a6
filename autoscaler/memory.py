"""What the scaling rule remembers from tick to tick. It is in Redis, so that an autoscaler may die at any instant.

    NAME:wanted           sorted set   member = number of containers, score = unix time it was last wanted
    NAME:requests:since   string       unix time since when requests are recorded without loss

The second one is written when it is missing: after Redis has lost everything it says how young the window is.
Both are written and read by the autoscaler; two autoscalers may write them at once.
"""

from collections.abc import Iterable

from redis.client import Pipeline

from autoscaler.policy import History, Policy


def wanted_key(service: str) -> str:
    """Key of the numbers that were wanted."""
    return f"{service}:wanted"


def since_key(service: str) -> str:
    """Key of the beginning of the window's records."""
    return f"{service}:requests:since"


def queue_read(pipe: Pipeline, service: str) -> None:
    """Queue the reading: two answers, for `history_of` and `age_of`."""
    pipe.zrange(wanted_key(service), 0, -1, withscores=True)
    pipe.get(since_key(service))


def history_of(answer: Iterable[tuple[str, float]]) -> History:
    """The history of the first answer."""
    return {int(number): at for number, at in answer}


def age_of(answer: str | None, now: float) -> float:
    """For how many seconds requests have been recorded, of the second answer; 0 when that begins now."""
    return 0.0 if answer is None else max(0.0, now - float(answer))


def queue_write(pipe: Pipeline, service: str, history: History, now: float, policy: Policy) -> None:
    """Queue the remembering of a history, and forget what the rule looks back on no more."""
    # GT: of two autoscalers the later time stays, whoever writes last.
    pipe.zadd(wanted_key(service), {str(number): at for number, at in history.items()}, gt=True)
    pipe.zremrangebyscore(wanted_key(service), "-inf", f"({now - policy.stabilization}")
    pipe.set(since_key(service), repr(now), nx=True)
