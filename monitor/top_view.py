"""What `selfieless top` shows: how busy each container and each proxy worker is, from two looks at numbers that only
go up.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lb.counters import latency_of
from lb.heartbeat import WorkerBeat
from monitor.dashboard.rates import Rates
from monitor.snapshot import Row, Snapshot
from monitor.status_view import COLOURS, FIRST_COLUMNS, duration, headline

UNKNOWN = "-"  # no number is better than a wrong one


@dataclass(frozen=True)
class Top:
    """One look. Rates are requests per second; None as long as they are not known."""

    snapshot: Snapshot
    rates: dict[int, float | None]  # by port
    p99: dict[int, float | None]  # by port, milliseconds
    workers: dict[str, float | None] = field(default_factory=dict)  # by worker id

    @property
    def total(self) -> float | None:
        """Requests per second of all containers."""
        known = [rate for rate in self.rates.values() if rate is not None]
        return sum(known) if known else None


class Watcher:
    """Turns looks at the service into rates."""

    def __init__(self) -> None:
        self._containers = Rates()
        self._workers: dict[str, tuple[float, int]] = {}  # id -> (beat, requests) of the look before

    def look(self, seen: Snapshot) -> Top:
        """One look more."""
        totals = totals_of(seen.workers)
        self._containers.add(seen.at, totals)
        ports = [row.container.port for row in seen.rows]
        rates = {port: self._containers.per_second(port) for port in ports}
        workers = {worker.id: self._rate_of(worker) for worker in seen.workers}
        return Top(seen, rates, {port: self._containers.p99(port) for port in ports}, workers)

    def _rate_of(self, worker: WorkerBeat) -> float | None:
        """A worker's rate between its last two beats that were seen."""
        before = self._workers.get(worker.id)
        if before is None or worker.beat - before[0] >= 1.0:
            self._workers[worker.id] = (worker.beat, worker.requests)
        if before is None or worker.beat <= before[0]:
            return None
        return (worker.requests - before[1]) / (worker.beat - before[0])


def totals_of(workers: Sequence[WorkerBeat]) -> dict[int, list[int]]:
    """What each container has answered so far, as the living workers say, by time to the answer."""
    ports = {port for worker in workers for port in worker.answers}
    totals: dict[int, Counter[int]] = {port: Counter() for port in ports}
    for worker in workers:
        for port in worker.answers:
            totals[port].update(dict(enumerate(latency_of(worker.answers, port))))
    return {port: [count for _, count in sorted(counts.items())] for port, counts in totals.items()}


def as_text(top: Top) -> RenderableType:
    """For a terminal."""
    told = f"{headline(top.snapshot)}; {number(top.total)} requests/s"
    troubles = [Text(f"! {trouble}", style="bold yellow") for trouble in top.snapshot.troubles]
    return Group(Text(told), containers_table(top), Text(""), workers_table(top), *troubles)


def containers_table(top: Top) -> Table:
    """The containers: first the four columns of the service's own table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in (*FIRST_COLUMNS, "Requests/s", "p99 ms", "In flight", "State", "For", "Restarts"):
        table.add_column(title, no_wrap=True, justify="left" if title in ("Status", "State") else "right")
    for row in top.snapshot.rows:
        table.add_row(*cells(row, top))
    return table


def cells(row: Row, top: Top) -> list[str | Text]:
    """One container's cells."""
    one = row.container
    colour = COLOURS.get(one.state, "yellow")
    busy = [number(top.rates.get(one.port)), number(top.p99.get(one.port)), str(row.in_flight)]
    first: list[str | Text] = [str(one.number), str(one.port), Text(str(one.status), colour), str(int(row.turn))]
    return [*first, *busy, Text(str(one.state), colour), duration(row.age), str(one.restarts)]


def workers_table(top: Top) -> Table:
    """The proxy workers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in (
        "Proxy worker",
        "Pid",
        "Requests/s",
        "Connections",
        "In flight",
        "Loop lag ms",
        "Redis ms",
        "Retries",
    ):
        table.add_column(title, no_wrap=True, justify="right")
    for one in top.snapshot.workers:
        busy = (number(top.workers.get(one.id)), str(one.connections), str(sum(one.in_flight.values())))
        table.add_row(one.id, str(one.pid), *busy, number(one.lag_ms), f"{one.redis_ms:.2f}", str(one.retries))
    return table


def number(value: float | None) -> str:
    """A number with one digit after the point, or that nobody knows it."""
    return UNKNOWN if value is None else f"{value:,.1f}"


def as_json(top: Top) -> dict[str, object]:
    """One object; the names of the fields are part of the interface. null is unknown."""
    containers = [
        {
            "number": row.container.number,
            "port": row.container.port,
            "status": row.container.status,
            "turn": int(row.turn),
            "requests_per_second": top.rates.get(row.container.port),
            "p99_ms": top.p99.get(row.container.port),
            "in_flight": row.in_flight,
        }
        for row in top.snapshot.rows
    ]
    workers = [
        {"id": one.id, "pid": one.pid, "requests_per_second": top.workers.get(one.id), "connections": one.connections}
        for one in top.snapshot.workers
    ]
    return {"at": top.snapshot.at, "requests_per_second": top.total, "containers": containers, "workers": workers}
