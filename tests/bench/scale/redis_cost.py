"""What turns, counts, heartbeats and rings cost one Redis; as a command of its own, see `__main__`.

Redis's own CPU, not the time that the client waited: the rate at which a core is full is one over it. Every case is
measured in every round, and the medians are told, with the quartiles' distance as the noise.
"""

import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from bench.scale import charts, claims
from bench.scale.load import Bench, Cost, bench
from bench.scale.output import Progress, write
from ring_writer import replace_ring

from lb import request_window, ring

BATCHES = (1, 3, 10, 30, 100)
RINGS = (10, 100, 1_000, 10_000)
KINDS = {
    "turn alone": claims.claims_only,
    "turn, count by slots": claims.in_slots,
    "turn, sorted set": claims.recorded,
}
WINDOW = 120  # seconds
FILLED = (10_000, 100_000)  # requests/s whose windows are filled: 10**6 would take 13 GB
AT_ONCE = 500  # records in a write while filling
# KEYS: ring, version, history. ARGV: channel, now, a port, and whether it leaves (1) or joins.
CHANGE_LUA = (
    ring.BUMP_LUA
    + """
if ARGV[4] == '1' then redis.call('HDEL', KEYS[1], ARGV[3]) else redis.call('HSET', KEYS[1], ARGV[3], '10.9.9.9:80') end
return bump(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2])
"""
)


@dataclass(frozen=True)
class Effort:
    """How long and how often."""

    seconds: float = 1.0
    rounds: int = 5
    filled: tuple[int, ...] = FILLED
    rings: tuple[int, ...] = RINGS


@dataclass(frozen=True)
class Line:
    """The median cost of one write. `size` is requests in a claim, or containers, or records a second."""

    case: str
    size: int
    cpu_us: float
    noise: float  # distance of the quartiles, as a share of the median
    received: float  # bytes
    sent: float


def median(case: str, size: int, costs: list[Cost]) -> Line:
    """All rounds of a case."""
    cpu = sorted(cost.cpu_us for cost in costs)
    middle = statistics.median(cpu)
    low, _, high = statistics.quantiles(cpu, n=4) if len(cpu) > 1 else (middle, middle, middle)
    received, sent = (statistics.median(each) for each in zip(*[(c.received, c.sent) for c in costs], strict=True))
    return Line(
        case,
        size,
        round(middle, 2),
        round((high - low) / middle, 3) if middle else 0.0,
        round(received, 1),
        round(sent, 1),
    )


def round_of_claims(on: Bench, effort: Effort) -> Iterator[tuple[str, int, Cost]]:
    """Every kind and size of a claim, and redis-benchmark's word on the bare command."""
    for kind, batches in KINDS.items():
        for size in BATCHES:
            on.client.flushall()
            yield kind, size, on.drive(batches(len(on.sockets), size), effort.seconds)
    for pipeline in (1, 10) if shutil.which("redis-benchmark") else ():
        cost = on.benchmark(int(50_000 * effort.seconds * pipeline), pipeline, "INCRBY", "acts:turn", "1")
        yield "redis-benchmark INCRBY, pipelined by", pipeline, cost


def round_of_fleets(on: Bench, effort: Effort) -> Iterator[tuple[str, int, Cost]]:
    """What does not depend on the requests, for rings of all sizes."""
    for containers in effort.rings:
        on.client.flushall()
        yield "heartbeat", containers, on.drive(claims.beats(len(on.sockets), containers), effort.seconds)
        replace_ring(on.client, claims.SERVICE, addresses(containers), time.time())
        yield "ring read", containers, on.drive(claims.ring_reads(), effort.seconds)
        yield "ring changed", containers, changes(on, containers, effort.seconds)
    for requests in (100, 1_000):
        on.client.flushall()
        yield (
            "ledger entry, requests",
            requests,
            on.drive(claims.ledger_entries(requests, requests // 10), effort.seconds),
        )


def addresses(number: int) -> dict[int, str]:
    """A ring."""
    return {8000 + n: f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}:80" for n in range(number)}


def changes(on: Bench, containers: int, seconds: float) -> Cost:
    """Changes of the ring that is there, one container at a time: what each cost Redis, the history included."""
    service, port = claims.SERVICE, 8000 + containers
    keys = ring.ring_key(service), ring.version_key(service), ring.history_key(service)
    change = on.client.register_script(CHANGE_LUA)
    number, before, cpu, begun = 0, on.traffic(), on.cpu(), time.monotonic()
    while time.monotonic() - begun < seconds:
        change(keys, (ring.changed_channel(service), time.time(), port, number % 2))
        number += 1
    received, sent = (now - then for now, then in zip(on.traffic(), before, strict=True))
    return Cost((on.cpu() - cpu) / number * 1e6, received / number, sent / number, number / seconds)


@dataclass(frozen=True)
class Full:
    """A full window of the sorted set at a rate: its weight, the cost of a claim of ten into it, and of trimming."""

    rate: int
    records: int
    megabytes: float
    bytes_each: float
    claim_of_10_us: float
    trim_ms: float  # Redis does nothing else meanwhile; once a second
    trim_us_each: float
    count_ms: float


def full_window(on: Bench, rate: int, seconds: float) -> Full:
    """Fill a window and measure in it."""
    on.client.flushall()
    before, now = on.memory(), time.time()
    fill(on, rate, now)
    weight, records = on.memory() - before, on.client.zcard(request_window.requests_key(claims.SERVICE))
    count_ms = cpu_ms(on, partial(request_window.count, on.client, claims.SERVICE, now, WINDOW))
    trims = [cpu_ms(on, partial(trim, on, now + second)) for second in range(1, 6)]
    claim = on.drive(claims.recorded(len(on.sockets), 10), seconds)
    trim_ms = statistics.median(trims)
    return Full(
        rate,
        records,
        round(weight / 1e6, 1),
        round(weight / records, 1),
        round(claim.cpu_us, 2),
        round(trim_ms, 2),
        round(trim_ms * 1000 / rate, 3),
        round(count_ms, 3),
    )


def fill(on: Bench, rate: int, now: float) -> None:
    """All requests of a window that ends now, as a thousand workers would have written them."""
    workers = claims.dispatchers(1_000, 0.0)
    turn = 0

    def following(_connection: int) -> claims.Batch:
        nonlocal turn
        at = now - WINDOW + turn / rate
        worker = workers[turn // AT_ONCE % len(workers)]
        first, worker.recorded = worker.recorded, worker.recorded + AT_ONCE
        turn += AT_ONCE
        return claims.Batch(*worker.packed_new((f"{at:.3f}", first, worker.recorded)))

    while turn < rate * WINDOW:
        on.one_each(following)


def trim(on: Bench, now: float) -> None:
    """Remove what is older than the window."""
    pipe = on.client.pipeline(transaction=False)
    request_window.trim(pipe, claims.SERVICE, now, WINDOW)
    pipe.execute()


def cpu_ms(on: Bench, do: partial[object]) -> float:
    """How long Redis works at it, and does nothing else."""
    begun = on.cpu()
    do()
    return (on.cpu() - begun) * 1000


def measure_all(effort: Effort, out: Path) -> None:
    """Measure everything and write OUT/scale-redis.csv, OUT/scale-window.csv and OUT/scale-redis.png."""
    out.mkdir(parents=True, exist_ok=True)
    say = Progress()
    found: dict[tuple[str, int], list[Cost]] = {}
    with bench() as on:
        for number in range(effort.rounds):
            say(f"round {number + 1} of {effort.rounds}")
            for one_round in (round_of_claims, round_of_fleets):
                for case, size, cost in one_round(on, effort):
                    found.setdefault((case, size), []).append(cost)
        windows = []
        for rate in effort.filled:
            say(f"a window of {rate * WINDOW:,} records")
            windows.append(full_window(on, rate, effort.seconds))
    lines = [median(case, size, costs) for (case, size), costs in found.items()]
    write(out / "scale-redis.csv", [asdict(line) for line in lines])
    write(out / "scale-window.csv", [asdict(window) for window in windows])
    charts.draw_costs(ends(lines), fleet_costs(lines), out / "scale-redis.png")
    say("done")


def ends(lines: list[Line]) -> dict[str, list[tuple[int, float]]]:
    """For each kind of claim: requests in it, requests/s that fill a core."""
    return {kind: [(x.size, 1e6 * x.size / x.cpu_us) for x in lines if x.case == kind and x.cpu_us] for kind in KINDS}


def fleet_costs(lines: list[Line]) -> dict[str, list[tuple[int, float]]]:
    """For each thing that every proxy does: containers, CPU of Redis in ms."""
    return {
        case: [(x.size, x.cpu_us / 1000) for x in lines if x.case == case and x.cpu_us]
        for case in ("heartbeat", "ring read", "ring changed")
    }
