"""`why` and `audit`: why there are as many containers as there are, why a request went where it went, and whether all
went where they should.
"""

import json
import time

import click
from rich.table import Table
from rich.text import Text

from autoscaler import decision_log, why
from autoscaler.why import local_time
from deploy import daemon_beat
from lb import ledger, retries, ring
from lb.clock import redis_time
from lb.heartbeat import live_workers
from lb.request_id import decode
from lb.ring import Ring
from monitor import request_story
from monitor.audit import Audit, audit
from monitor.moments import FORMS
from monitor.session import LENGTH, MOMENT, Service, console

VERSIONS = 10_000  # of the ring: as many as are remembered
SETTLING = 2.0  # seconds until every worker has told what it did


@click.command("why")
@click.option("--at", type=MOMENT, help=f"Another time than now: {FORMS}.")
@click.option("--request", metavar="ID", help="One request, by the X-Request-ID of its answer.")
@click.option("--json", "as_json", is_flag=True, help="With --request: one JSON object, for scripts.")
def explain(at: float | None, request: str | None, *, as_json: bool) -> None:
    """Say why there are as many containers as there are, or why a request went where it went.

    The answer comes from the autoscaler's own journal, or from the name of the request, the rings of the past and the
    second tries that were written down. Nothing in it is guessed.
    """
    service = Service()
    if request is not None:
        explain_request(service, request, as_json=as_json)
        return
    asked_for = redis_time(service.redis) if at is None else at
    story = why.story_of(decision_log.backwards(service.redis, service.service.name, asked_for))
    if story is None:
        raise click.ClickException("the autoscaler has written nothing down before that time")
    click.echo(why.why(story, asked_for))


def explain_request(service: Service, name: str, *, as_json: bool) -> None:
    """Tell the story of one request."""
    request = decode(name)
    if request is None:
        raise click.ClickException(
            f"{name!r} is no name that the proxy gives (its client brought it): where such a request went is not "
            "remembered; the access log tells it, if there is one"
        )
    tries = retries.of(service.redis, service.service.name, name)
    story = request_story.story_of(name, request, rings_of(service), tries)
    first_port = service.service.first_port
    if as_json:
        click.echo(json.dumps(request_story.as_json(story, first_port)))
    else:
        click.echo("\n".join(request_story.sentences(story, first_port, local_time)))


def rings_of(service: Service) -> dict[int, Ring]:
    """Every ring that is remembered, by version."""
    history = ring.history(service.redis, service.service.name, VERSIONS)
    return {past.version: past for _, past in history}


@click.command("audit")
@click.option("--last", type=LENGTH, default="2m", show_default=True, help="How far back, 10m at most: 90s, 2m.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def audit_turns(last: float, *, as_json: bool) -> None:
    """Do the round robin of the last minutes again, and compare.

    Derives from every turn that was claimed which container should have had it, and compares that with what the proxy
    workers handed over. Fails if a container had one request too many or too few, or a turn was used twice. Turns from
    before the service was started are told and not compared.
    """
    service = Service()
    time.sleep(SETTLING)  # the last second is told when it is over
    entries = ledger.read(service.redis, service.service.name, redis_time(service.redis) - last - SETTLING)
    if not entries:
        raise click.ClickException("no request was balanced in that time")
    past = ring.history(service.redis, service.service.name, VERSIONS)
    rings, births = {one.version: one for _, one in past}, {one.version: at for at, one in past}
    began = start_of(service)
    found = audit(entries, rings, births=births, began=began)
    if found.before and not found.workers:
        since = redis_time(service.redis) - began
        raise click.ClickException(f"no request was balanced since the service was started {since:.0f} s ago")
    if as_json:
        click.echo(json.dumps(audit_as_json(found)))
    else:
        console().print(audit_table(found))
        console().print(verdict(found))
    if not found.is_exact:
        raise click.ClickException("the requests were not balanced as the turns say")


def start_of(service: Service) -> float:
    """Since when the running service runs (unix seconds): as long as the oldest of its parts; 0 where none does.

    Who was killed leaves a beat behind for some seconds: only those count who have beaten while we waited.
    """
    client, name = service.redis, service.service.name
    alive_at = redis_time(client) - SETTLING
    daemons = (daemon_beat.read(client, name, who) for who in daemon_beat.DAEMONS)
    beats = [(beat.beat, beat.started) for beat in daemons if beat]
    beats += [(worker.beat, worker.started) for worker in live_workers(client, name)]
    return min((started for beaten_at, started in beats if beaten_at >= alive_at), default=0.0)


def audit_table(found: Audit) -> Table:
    """Container by container."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("Port", "Should have had", "Had", "Deviation"):
        table.add_column(title, justify="right")
    for port in sorted({*found.expected, *found.had}):
        off = found.deviations.get(port, 0)
        cells = (str(port), f"{found.expected.get(port, 0):,}", f"{found.had.get(port, 0):,}")
        table.add_row(*cells, Text(f"{off:+,}" if off else "0", "bold red" if off else "green"))
    return table


def verdict(found: Audit) -> str:
    """What it comes to, in sentences."""
    worst = max(map(abs, found.deviations.values()), default=0)
    told = [f"{found.turns:,} turns of {found.workers} workers checked: deviation {worst:,}."]
    asides = {
        "were second tries": found.retries,
        "came to nothing: their client had left, or all were full": found.unused,
        "were used twice": found.twice,
        "are told by nobody (a worker was killed, or has not told yet)": found.missing,
        "are of rings that are not remembered any more, and not checked": found.unknown,
        "were claimed before the service was started, and not checked": found.before,
        "were taken without Redis, and not checked": found.alone,
        "did not fit into the ledger; the entries they belong to are not checked": found.lost,
    }
    told += [f"{number:,} {what}." for what, number in asides.items() if number]
    return "\n".join(told)


def audit_as_json(found: Audit) -> dict[str, object]:
    """For scripts; the names of the fields are part of the interface."""
    ports = sorted({*found.expected, *found.had})
    sides = [{"port": port, "expected": found.expected.get(port, 0), "had": found.had.get(port, 0)} for port in ports]
    asides = ("turns", "workers", "retries", "unused", "unknown", "alone", "lost", "twice", "missing", "before")
    return {"exact": found.is_exact, "containers": sides, **{name: getattr(found, name) for name in asides}}
