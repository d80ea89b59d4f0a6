"""The state of the service as the page gets it: plain values for JSON, with the names that the page's script reads."""

from collections.abc import Sequence
from typing import Any

from autoscaler.policy import Policy, Rule, last_threshold, next_threshold
from deploy.container_state import State
from lb.events import Event
from monitor.dashboard.parts import ACTS_REDIS, STATE_REDIS, Health, Part
from monitor.dashboard.rates import Rates
from monitor.event_view import as_json as event_as_json
from monitor.snapshot import Row, Snapshot
from monitor.status_view import notes_of

Json = dict[str, Any]


def state_of(snapshot: Snapshot, rates: Rates, parts: Sequence[Part]) -> Json:
    """Everything that is shown but events and chart."""
    troubles = [
        *snapshot.troubles,
        *(f"{one.name}: {one.said}" for one in parts if one.name in (STATE_REDIS, ACTS_REDIS) and is_bad(one)),
    ]
    return {
        "at": snapshot.at,
        "away": None,
        "requests": requests_of(snapshot),
        "containers": containers_of(snapshot),
        "rows": [row_of(row, rates) for row in snapshot.rows],
        "parts": [part_of(part) for part in parts],
        "held": snapshot.hold.reason if snapshot.hold else None,
        "notes": list(notes_of(snapshot)),
        "troubles": troubles,
        "turn": snapshot.turn,
        "version": snapshot.ring.version,
    }


def away(before: Json, now: float, since: float, problem: str) -> Json:
    """The last state, and that nothing newer is known since Redis does not answer."""
    parts = [unheard(part, problem) for part in before.get("parts", ())]
    return {**before, "at": now, "away": {"since": since, "problem": problem}, "parts": parts}


def unheard(part: Json, problem: str) -> Json:
    """A part while nobody can be heard through the state Redis."""
    if part["name"] == STATE_REDIS:
        return {**part, "health": str(Health.GONE), "age": None, "said": problem}
    if part["name"] == ACTS_REDIS:
        return part
    return {**part, "health": str(Health.STALE), "age": None, "said": "not to be heard without the state Redis"}


def requests_of(snapshot: Snapshot) -> Json:
    """The count against the thresholds below and above it; None where there is none."""
    policy, count = snapshot.policy, snapshot.count
    return {
        "count": count,
        "window": policy.window,
        "each": each_of(policy),
        "above": next_threshold(count, policy, snapshot.at),
        "below": last_threshold(count, policy, snapshot.at),
    }


def each_of(policy: Policy) -> float | None:
    """How many requests of the window are one container's; None where they do not decide."""
    match policy.rule:
        case Rule.WINDOW:
            return policy.requests_per_container
        case Rule.RATE:
            return policy.requests_per_second * policy.window
        case Rule.IN_FLIGHT:
            return None


def containers_of(snapshot: Snapshot) -> Json:
    """How many there are, and how many there should be, and why."""
    decision, said = snapshot.decision, snapshot.override
    return {
        "running": len(snapshot.ring.members),
        "wanted": snapshot.wanted,
        "target": decision.target if decision else None,
        "most": snapshot.policy.maximum,
        "reason": decision.reason if decision else "nothing has been decided yet",
        "fixed": said.number,
        "by": said.by,
    }


def row_of(row: Row, rates: Rates) -> Json:
    """One container."""
    one = row.container
    return {
        "number": one.number,
        "port": one.port,
        "status": one.status,
        "turn": int(row.turn),
        "state": "drained" if one.parked and one.state is State.DRAINING else str(one.state),
        "in_flight": row.in_flight,
        "rate": rounded(rates.per_second(one.port), 1),
        "p99": rounded(rates.p99(one.port), 1),
        "age": round(row.age, 1),
        "restarts": one.restarts,
        "node": one.node or None,
        "reason": one.reason,
    }


def rounded(number: float | None, digits: int) -> float | None:
    """A number with so many digits after the point; unknown stays unknown."""
    return None if number is None else round(number, digits)


def part_of(part: Part) -> Json:
    """One part of the service."""
    return {"name": part.name, "health": str(part.health), "age": rounded(part.age, 1), "said": part.said}


def is_bad(part: Part) -> bool:
    """Whether an operator should look."""
    return part.health is not Health.WELL


def event_of(event: Event) -> Json:
    """One event; further fields are left out, since the page shows none."""
    told = event_as_json(event)
    return {name: told[name] for name in ("id", "at", "kind", "port", "reason", "who", "seconds")}
