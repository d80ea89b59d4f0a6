"""Every decision of the autoscaler, one entry for each tick, with all that it was made from.

    NAME:decisions   stream   the fields of `Entry`   written by the autoscaler, read by the CLI and the replay

An entry holds what was measured and the numbers of the policy, so that the same policy, fed with the entries, must
decide the same again. The id of an entry is its time in milliseconds, so that a time can be looked up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import NamedTuple, cast

import redis
from redis.client import Pipeline

from autoscaler.plan import Plan, staying
from autoscaler.policy import Decision, Measured, Policy, sentence
from deploy.container_state import State

MAX_LENGTH = 50_000  # one each second: 14 hours, about 20 MB
PAGE = 1_000  # entries read at once

# KEYS 1 the stream. ARGV 1 its cap, 2 the id that the entry should have, 3… field, value, … Answer: the id it has.
# An id that is not above the last one (two autoscalers, a clock that went back) is replaced by the next free one.
APPEND_LUA = """
local id = redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], ARGV[2], unpack(ARGV, 3))
if type(id) == 'table' and id.err then
  id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, 3))
end
return id
"""


class Shadow(NamedTuple):
    """What another policy made of the same tick; nobody acts on it."""

    wanted: int
    target: int
    policy: Policy


@dataclass(frozen=True)
class Entry:
    """One tick. Times are unix seconds, `age` is seconds; see `policy.Measured` and `policy.Decision`."""

    at: float
    count: int
    age: float
    fixed: int | None
    states: Mapping[int, State]  # the containers as the tick saw them
    wanted: int
    highest: int
    highest_at: float
    target: int
    plan: str
    reason: str
    policy: Policy
    in_flight: int | None = None
    shadow: Shadow | None = None

    @property
    def measured(self) -> Measured:
        """What the rule was given."""
        return Measured(self.at, self.count, self.age, len(staying(self.states)), self.fixed, self.in_flight)

    @property
    def running(self) -> int:
        """How many containers received traffic."""
        return sum(state is State.RUNNING for state in self.states.values())


def decisions_key(service: str) -> str:
    """Key of the stream."""
    return f"{service}:decisions"


def entry_for(decision: Decision, states: Mapping[int, State], plan: Plan, shadow: Decision | None = None) -> Entry:
    """The entry of a tick; `shadow` is what the shadow policy decided, if there is one."""
    seen = decision.measured
    return Entry(
        at=seen.at,
        count=seen.count,
        age=seen.age,
        fixed=seen.fixed,
        states=states,
        wanted=decision.wanted,
        highest=decision.highest,
        highest_at=decision.highest_at,
        target=decision.target,
        plan=str(plan),
        reason=sentence(decision),
        policy=decision.policy,
        in_flight=seen.in_flight,
        shadow=None if shadow is None else Shadow(shadow.wanted, shadow.target, shadow.policy),
    )


def fields_of(entry: Entry) -> dict[str, str]:
    """An entry as it stands in the stream. Times keep every digit: a replay must not differ by a rounding."""
    fields = {
        "at": repr(entry.at),
        "count": str(entry.count),
        "age": repr(entry.age),
        "fixed": "" if entry.fixed is None else str(entry.fixed),
        "running": str(entry.running),
        "wanted": str(entry.wanted),
        "highest": str(entry.highest),
        "highest_at": repr(entry.highest_at),
        "target": str(entry.target),
        "containers": " ".join(f"{port}={state}" for port, state in sorted(entry.states.items())),
        "plan": entry.plan,
        "reason": entry.reason,
        "policy": str(entry.policy),
    }
    return fields | seldom_fields_of(entry)


def seldom_fields_of(entry: Entry) -> dict[str, str]:
    """The fields that only some policies need."""
    fields = {} if entry.in_flight is None else {"in_flight": str(entry.in_flight)}
    if entry.shadow is None:
        return fields
    wanted, target, policy = entry.shadow
    return fields | {"shadow_wanted": str(wanted), "shadow_target": str(target), "shadow_policy": str(policy)}


def entry_of(fields: Mapping[str, str]) -> Entry:
    """The entry of a stream's fields; the reverse of `fields_of`."""
    return Entry(
        at=float(fields["at"]),
        count=int(fields["count"]),
        age=float(fields["age"]),
        fixed=int(fields["fixed"]) if fields["fixed"] else None,
        states=states_of(fields["containers"]),
        wanted=int(fields["wanted"]),
        highest=int(fields["highest"]),
        highest_at=float(fields["highest_at"]),
        target=int(fields["target"]),
        plan=fields["plan"],
        reason=fields["reason"],
        policy=policy_of(fields["policy"]),
        in_flight=int(fields["in_flight"]) if "in_flight" in fields else None,
        shadow=shadow_of(fields),
    )


def shadow_of(fields: Mapping[str, str]) -> Shadow | None:
    """The shadow policy's decision in a stream's fields, if there was one."""
    if "shadow_policy" not in fields:
        return None
    wanted, target = int(fields["shadow_wanted"]), int(fields["shadow_target"])
    return Shadow(wanted, target, policy_of(fields["shadow_policy"]))


@lru_cache
def policy_of(text: str) -> Policy:
    """The policy of an entry's text; mostly the same one as before."""
    return Policy().changed(text)


def states_of(text: str) -> dict[int, State]:
    """The containers of an entry's text "8000=running 8001=starting"."""
    pairs = (part.partition("=") for part in text.split())
    return {int(port): State(state) for port, _, state in pairs}


def queue_append(pipe: Pipeline, service: str, entry: Entry) -> None:
    """Queue the writing of one entry."""
    flat = [text for pair in fields_of(entry).items() for text in pair]
    pipe.eval(APPEND_LUA, 1, decisions_key(service), str(MAX_LENGTH), f"{entry.at * 1000:.0f}-0", *flat)


def read(client: redis.Redis, service: str, since: float, until: float | None = None) -> Iterator[Entry]:
    """The entries from unix time `since` to `until` (None: to the end), oldest first, in pages."""
    start, end = f"{max(0.0, since) * 1000:.0f}", "+" if until is None else f"{until * 1000:.0f}"
    while page := entries(client.xrange(decisions_key(service), start, end, PAGE)):
        yield from (entry_of(fields) for _, fields in page)
        start = f"({page[-1][0]}"


def last_before(client: redis.Redis, service: str, at: float, count: int = 1) -> list[Entry]:
    """The newest `count` entries not after unix time `at`, newest first. Raises redis.RedisError."""
    return list(islice(backwards(client, service, at, count), count))


def backwards(client: redis.Redis, service: str, at: float, page: int = PAGE) -> Iterator[Entry]:
    """The entries not after unix time `at`, newest first, `page` read at once. Raises redis.RedisError."""
    end = f"{at * 1000:.0f}"
    while found := entries(client.xrevrange(decisions_key(service), end, "-", page)):
        yield from (entry_of(fields) for _, fields in found)
        end = f"({found[-1][0]}"


def entries(answer: object) -> list[tuple[str, dict[str, str]]]:
    """What redis-py answers to a range of a stream, with its type."""
    return cast("list[tuple[str, dict[str, str]]]", answer)
