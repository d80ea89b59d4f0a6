"""The service in the text format of Prometheus, made at each scrape from what Redis holds.

Names end in their unit; counters never go back (see `totals`). The labels are bounded: containers by MAX_CONTAINERS,
everything else by a list in the code. While Redis is away only that is told: unknown is not zero.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from autoscaler.decision_log import Entry
from deploy.container_state import State
from lb.counters import BOUNDS_MS, BUCKETS
from lb.events import Kind
from lb.settings import ServiceSettings
from monitor.snapshot import Snapshot
from monitor.totals import CAUSES, JOBS, LAUNCH, OTHER, RELAUNCH, SECONDS, Sums

PREFIX = "selfieless_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

NO_ANSWERS = {kind: [0] * BUCKETS for kind in "2345"}
NO_OWN: dict[str, float] = {"502": 0, "503": 0, "504": 0}  # the ones that hurt

Values = Iterable[tuple[str, float | None]]  # label -> value; what is None is left out

Server = tuple[str, float | None]  # a Redis server, and how many seconds it takes to answer; None when it does not


def exposition(families: Iterable[Metric]) -> bytes:
    """The text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collected(list(families)))
    return generate_latest(registry)


class Collected:
    """A collector of what is there already."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Called by prometheus_client."""
        return self._families


def gauge(name: str, text: str, value: float | None) -> Metric:
    """A number of now."""
    return gauges(name, text, "", [("", value)])


def gauges(name: str, text: str, label: str, values: Values) -> Metric:
    """Numbers of now, one for each label."""
    family = GaugeMetricFamily(PREFIX + name, text, labels=[label] if label else [])
    for key, value in values:
        if value is not None:
            family.add_metric([key] if label else [], value)
    return family


def counter(name: str, text: str, value: float) -> Metric:
    """A number that only goes up."""
    return counters(name, text, "", [("", value)])


def counters(name: str, text: str, label: str, values: Values) -> Metric:
    """Numbers that only go up, one for each label."""
    family = CounterMetricFamily(PREFIX + name, text, labels=[label] if label else [])
    for key, value in values:
        family.add_metric([key] if label else [], value or 0)
    return family


def servers(found: Sequence[Server]) -> Iterator[Metric]:
    """The Redis servers: all that is told while the state Redis is away."""
    yield gauges(
        "redis_up",
        "1 while the Redis server answers.",
        "server",
        [(one, seconds is not None) for one, seconds in found],
    )
    text = "Time of one PING from the dashboard."
    yield gauges("redis_round_trip_seconds", text, "server", found)


def families(seen: Snapshot, sums: Sums, service: ServiceSettings) -> Iterator[Metric]:
    """Everything but the servers."""
    yield from of_requests(seen, sums, service)
    yield from of_proxy(seen, sums)
    yield from of_containers(seen, service)
    yield from of_scaling(seen)
    yield from of_events(sums)
    yield from of_parts(seen)


def of_requests(seen: Snapshot, sums: Sums, service: ServiceSettings) -> Iterator[Metric]:
    """What containers answered, and how fast. What never happened yet is told as 0, so that its first time shows."""
    histograms = sums.histograms()
    ports = sorted({row.container.port for row in seen.rows} | histograms.keys())
    requests = CounterMetricFamily(
        PREFIX + "requests", "Answers of containers to forwarded requests.", labels=["container", "code"]
    )
    times = HistogramMetricFamily(
        PREFIX + "request_duration_seconds",
        "Time from a request's head to the end of its answer. Without a sum: the proxy counts by buckets alone.",
        labels=["container"],
    )
    for port in ports:
        number, classes = str(service.number_of(port)), NO_ANSWERS | histograms.get(port, {})
        for kind, row in classes.items():
            requests.add_metric([number, f"{kind}xx"], sum(row))
        add_buckets(times, number, [sum(column) for column in zip(*classes.values(), strict=True)])
    yield requests
    yield times
    own, failed = NO_OWN | sums.by_name("own"), sums.by_name("failed")
    yield counters("proxy_answers", "Answers that the proxy made itself, by status.", "code", sorted(own.items()))
    tries = [(str(service.number_of(port)), failed.get(str(port), 0)) for port in ports]
    text = "Tries that a container did not answer, or answered with a 500 that was asked elsewhere."
    yield counters("failed_tries", text, "container", tries)
    yield counter("retries", "Second tries.", sums.proxy.get("retries", 0))


def add_buckets(family: HistogramMetricFamily, number: str, row: Sequence[int]) -> None:
    """One container's buckets, cumulative as Prometheus wants them."""
    bounds = [*(str(bound / 1000) for bound in BOUNDS_MS), "+Inf"]
    told = list(accumulate(row))
    family.add_metric([number], list(zip(bounds, told, strict=True)), None)
    family.add_sample(family.name + "_count", {"container": number}, told[-1])


def of_proxy(seen: Snapshot, sums: Sums) -> Iterator[Metric]:
    """The proxy workers, added up."""
    workers = seen.workers
    yield gauge("proxy_workers", "Proxy workers that are alive.", len(workers))
    yield gauge(
        "degraded_workers", "Of them, those that work without the state Redis.", sum(one.degraded for one in workers)
    )
    yield counter(
        "degraded_seconds", "Seconds that proxy workers worked without the state Redis.", sums.proxy.get("degraded", 0)
    )
    yield gauge("connections", "Clients that are connected.", sum(one.connections for one in workers))
    yield counter("connections_accepted", "Clients that ever connected.", sums.proxy.get("accepted", 0))
    yield gauge("tunnels", "Upgraded connections that are open.", sum(one.tunnels for one in workers))
    worst_redis, worst_lag = (
        max((getattr(one, name) for one in workers), default=None) for name in ("redis_ms", "lag_ms")
    )
    yield gauge(
        "proxy_redis_round_trip_seconds",
        "Moving mean of a claim's way to the state Redis and back, of the slowest worker.",
        in_seconds(worst_redis),
    )
    yield gauge(
        "proxy_loop_lag_seconds",
        "How late the event loop of the slowest worker was in its last second.",
        in_seconds(worst_lag),
    )
    yield gauge("ring_version", "Version of the ring.", seen.ring.version)
    yield gauge("ring_containers", "Containers that receive requests.", len(seen.ring.members))
    yield counter("turns", "Turns that were claimed.", seen.turn - 1)


def in_seconds(milliseconds: float | None) -> float | None:
    """Prometheus counts in seconds."""
    return None if milliseconds is None else milliseconds / 1000


def of_containers(seen: Snapshot, service: ServiceSettings) -> Iterator[Metric]:
    """The table of containers."""
    states = [row.container.state for row in seen.rows]
    yield gauges("containers", "Containers by state.", "state", [(str(state), states.count(state)) for state in State])
    rows = [(str(row.container.number), row) for row in seen.rows]
    yield gauges(
        "requests_in_flight",
        "Requests that a container has not answered yet.",
        "container",
        [(number, row.in_flight) for number, row in rows],
    )
    yield gauges(
        "container_state_seconds",
        "For how long a container has been in its state.",
        "container",
        [(number, row.age) for number, row in rows],
    )
    yield gauge("containers_maximum", "The most containers there may be.", service.max_containers)


def of_scaling(seen: Snapshot) -> Iterator[Metric]:
    """Requests of the window against containers."""
    yield gauge("window_requests", "Counted requests of the window.", seen.count)
    yield gauge("window_seconds", "Length of the window.", seen.policy.window)
    yield gauge("containers_wanted", "Containers that the window's requests want now.", seen.wanted)
    fixed = "The number that an operator has fixed; 0 while requests decide."
    yield gauge("containers_fixed", fixed, seen.override.number or 0)
    held = "1 while nothing is relaunched because of a cause that restarts do not heal."
    yield gauge("relaunches_held", held, seen.hold is not None)
    if seen.decision:
        yield from of_decision(seen.decision, seen.at)


def of_decision(decision: Entry, at: float) -> Iterator[Metric]:
    """The autoscaler's last decision."""
    age = "For how long requests have been counted without loss, as the autoscaler knows it."
    yield gauge("window_age_seconds", age, decision.age)
    yield gauge("containers_target", "Containers there should be, by the last decision.", decision.target)
    yield gauge("containers_running", "Containers that received requests at the last decision.", decision.running)
    yield gauge("decision_age_seconds", "How long ago the autoscaler decided.", at - decision.at)


def of_events(sums: Sums) -> Iterator[Metric]:
    """What containers went through."""
    happened, causes = sums.by_name("events"), sums.by_name("relaunches")
    yield counters("events", "Events by kind.", "kind", [(str(kind), happened.get(kind, 0)) for kind in Kind])
    yield counters(
        "relaunches", "Relaunches by cause.", "cause", [(cause, causes.get(cause, 0)) for cause in (*CAUSES, OTHER)]
    )
    jobs = HistogramMetricFamily(
        PREFIX + "job_duration_seconds", "From the order, or the sickness, to its end.", labels=["job"]
    )
    for job in JOBS:
        add_seconds(jobs, [job], *sums.job(job))
    yield jobs
    healthy = HistogramMetricFamily(
        PREFIX + "time_to_healthy_seconds", "Until a launched or relaunched container was in the ring.", labels=[]
    )
    launched, relaunched = sums.job(LAUNCH), sums.job(RELAUNCH)
    add_seconds(
        healthy, [], [a + b for a, b in zip(launched[0], relaunched[0], strict=True)], launched[1] + relaunched[1]
    )
    yield healthy


def add_seconds(family: HistogramMetricFamily, labels: Sequence[str], cumulative: Sequence[int], total: float) -> None:
    """A histogram by the bounds of SECONDS."""
    family.add_metric(labels, list(zip([*map(str, SECONDS), "+Inf"], cumulative, strict=True)), total)


def of_parts(seen: Snapshot) -> Iterator[Metric]:
    """The daemons, by what they said last."""
    beats = seen.daemons.items()
    yield gauges(
        "part_up", "1 while a part shows signs of life.", "part", [(who, beat is not None) for who, beat in beats]
    )
    yield gauges(
        "part_degraded",
        "1 while a part says that it is in trouble.",
        "part",
        [(who, bool(beat.trouble)) for who, beat in beats if beat],
    )
    yield gauges(
        "part_heartbeat_age_seconds",
        "How long ago a part was heard.",
        "part",
        [(who, seen.at - beat.beat) for who, beat in beats if beat],
    )
