"""A snapshot as people and as scripts read it. The first four columns are those of the service's own table."""

from collections.abc import Callable, Iterator
from typing import Any

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from autoscaler.policy import next_threshold, requests
from deploy.container import Container
from deploy.container_state import State
from monitor.snapshot import Row, Snapshot, name_of

FIRST_COLUMNS = ("Container number", "Port", "Status", "Turn")
MORE_COLUMNS = ("State", "For", "In flight", "Restarts", "Why")
NUMBERS = ("For", "In flight", "Restarts")
COLOURS = {State.RUNNING: "green", State.FAILED: "bold red", State.SICK: "red"}


def as_text(snapshot: Snapshot) -> RenderableType:
    """For a terminal, or for a file: colours are left out there by rich."""
    troubles = [Text(f"! {trouble}", style="bold yellow") for trouble in snapshot.troubles]
    parts = Text(parts_line(snapshot), style="dim")
    notes = [Text(note, style="dim") for note in notes_of(snapshot)]
    return Group(Text(headline(snapshot)), containers_table(snapshot), parts, *notes, *troubles)


def notes_of(snapshot: Snapshot) -> Iterator[str]:
    """What persons have ordered and what is as it is because of that: no trouble, but good to know."""
    rollout, moving = snapshot.rollout, snapshot.rebalance
    shadow = snapshot.decision.shadow if snapshot.decision else None
    if shadow:
        yield f"the shadow policy would have {shadow.target}: {shadow.policy}"
    if rollout.is_active:
        yield f"{rollout.phase} {rollout.origin} → {rollout.target}, by {rollout.by}: `selfieless deploy --status`"
    if moving.is_active:
        yield f"a rebalance is under way: {moving.progress}, begun by {moving.by}: `selfieless rebalance --status`"
    for port, mark in snapshot.stopped.items():
        ago = duration(max(0.0, snapshot.at - mark.at))
        yield f"{port} was stopped or drained by {mark.by} {ago} ago, and stays so: `selfieless launch {port}`"


def images_differ(snapshot: Snapshot) -> bool:
    """Whether containers are of different versions, as in the middle of a roll-out."""
    return len({row.container.image for row in snapshot.rows if row.container.image}) > 1


def has_nodes(snapshot: Snapshot) -> bool:
    """Whether containers are on nodes that have names: never where there is but one machine."""
    return any(row.container.node for row in snapshot.rows)


def columns_at_times(snapshot: Snapshot) -> dict[str, Callable[[Container], str]]:
    """The columns that are shown only where they tell rows apart, with what stands in them."""
    columns: dict[str, Callable[[Container], str]] = {}
    if has_nodes(snapshot):
        columns["Node"] = lambda one: one.node
    if images_differ(snapshot):
        columns["Image"] = lambda one: one.image
    return columns


def headline(snapshot: Snapshot) -> str:
    """How many there are and how many are wanted, and why."""
    policy, ring = snapshot.policy, len(snapshot.ring.members)
    threshold = next_threshold(snapshot.count, policy, snapshot.at)
    more = f", one more at {threshold}" if threshold else ""
    said = snapshot.override
    mode = "automatic" if said.number is None else f"fixed at {said.number} by {said.by}"
    counted = f"{requests(snapshot.count)} in the last {policy.window:g} s"
    return f"{ring} in the ring, {snapshot.wanted} wanted for {counted}{more}; {mode}"


def containers_table(snapshot: Snapshot) -> Table:
    """The table of containers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in FIRST_COLUMNS:
        table.add_column(title, no_wrap=True, justify="left" if title == "Status" else "right")
    at_times = columns_at_times(snapshot)
    for title in (*MORE_COLUMNS, *at_times):
        side: JustifyMethod = "right" if title in NUMBERS else "left"
        table.add_column(title, overflow="fold", no_wrap=title in ("State", "For"), justify=side)
    for row in snapshot.rows:
        table.add_row(*cells(row), *(Text(said(row.container)) for said in at_times.values()))
    return table


def cells(row: Row) -> Iterator[str | Text]:
    """One container's cells."""
    one, colour = row.container, COLOURS.get(row.container.state, "yellow")
    yield from (str(one.number), str(one.port), Text(str(one.status), colour), str(int(row.turn)))
    yield from (Text(str(one.state), colour), duration(row.age), str(row.in_flight))
    yield from (str(one.restarts), Text(one.reason))


def parts_line(snapshot: Snapshot) -> str:
    """Which parts are alive, in one line."""
    workers = len(snapshot.workers)
    parts = [f"{workers} proxy worker{'' if workers == 1 else 's'}"]
    parts += [f"{name_of(who)} {sign(snapshot, who)}" for who in snapshot.daemons]
    return f"{', '.join(parts)}; ring version {snapshot.ring.version}, next turn {snapshot.turn}"


def sign(snapshot: Snapshot, who: str) -> str:
    """A daemon's last sign of life."""
    beat, more = snapshot.daemons[who], snapshot.standing_by.get(who, [])
    told = "is silent" if beat is None else f"{max(0.0, snapshot.at - beat.beat):.0f} s ago"
    return f"{told} ({', '.join(one.words for one in more)} stands by)" if more else told


def duration(seconds: float) -> str:
    """Seconds as a person says them: 42 s, 3 min, 2 h, 5 d."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length or (unit == "min" and seconds >= length):
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


def as_json(snapshot: Snapshot) -> dict[str, Any]:
    """For scripts; the names of the fields are part of the interface."""
    decision = snapshot.decision
    return {
        "at": snapshot.at,
        "containers": [row_as_json(row) for row in snapshot.rows],
        "ring": {"version": snapshot.ring.version, "ports": [member.port for member in snapshot.ring.members]},
        "turn": snapshot.turn,
        "requests": {"count": snapshot.count, "window": snapshot.policy.window},
        "wanted": snapshot.wanted,
        "target": decision.target if decision else None,
        "shadow_target": decision.shadow.target if decision and decision.shadow else None,
        "reason": decision.reason if decision else None,
        "fixed": snapshot.override.number,
        "rollout": str(snapshot.rollout.phase) or None,
        "rebalance": str(snapshot.rebalance.phase) or None,
        "stopped": sorted(snapshot.stopped),
        "held": snapshot.hold.reason if snapshot.hold else None,
        "parts": {who: part_as_json(snapshot, who) for who in snapshot.daemons},
        "workers": [
            {"id": one.id, "pid": one.pid, "ring_version": one.ring_version, "degraded": one.degraded}
            for one in snapshot.workers
        ],
        "troubles": snapshot.troubles,
    }


def row_as_json(row: Row) -> dict[str, Any]:
    """One container."""
    one = row.container
    return {
        "number": one.number,
        "port": one.port,
        "status": one.status,
        "turn": int(row.turn),
        "state": str(one.state),
        "seconds_in_state": round(row.age, 3),
        "in_flight": row.in_flight,
        "restarts": one.restarts,
        "generation": one.generation,
        "image": one.image,
        "address": one.address,
        "node": one.node or None,
        "pid": one.pid,
        "reason": one.reason,
    }


def part_as_json(snapshot: Snapshot, who: str) -> dict[str, Any]:
    """One daemon."""
    beat, waiting = snapshot.daemons[who], [one.pid for one in snapshot.standing_by.get(who, [])]
    if beat is None:
        return {"alive": False, "standing_by": waiting}
    told = {"alive": True, "pid": beat.pid, "seconds_ago": round(snapshot.at - beat.beat, 3), "trouble": beat.trouble}
    return told | {"standing_by": waiting}
