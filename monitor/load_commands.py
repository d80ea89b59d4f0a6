"""`top` and `bench`: how busy the service is, and how it does under a load of its operator's choice."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from lb.settings import PORT
from monitor import top_view
from monitor.prober import Ask, Prober, Sent, longest_gap, percentile
from monitor.service_env import service_env
from monitor.session import LENGTH, Service, console
from monitor.top_view import Top, Watcher

LOOK_SECONDS = 1.0  # the workers beat once a second
SHOW_SECONDS = 0.25
HTTP_PORT = 80
MOST = 2_000.0  # requests per second: beyond it the sender, not the service, is what is measured


@click.command("top")
@click.option("-n", "looks", type=click.IntRange(1), help="Stop after so many looks, one each second.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each look, for scripts.")
def show_load(looks: int | None, *, as_json: bool) -> None:
    """Show how busy each container and each proxy worker is, until Ctrl-C.

    Requests per second are those of the last five seconds, p99 is of the last minute. A number that is not known yet
    is shown as -.
    """
    screen, found = console(), looked(Service(), looks)
    with suppress(KeyboardInterrupt):
        if as_json:
            for top in found:
                click.echo(json.dumps(top_view.as_json(top)))
        elif screen.is_terminal:
            show_live(screen, found)
        else:
            for top in found:
                screen.print(top_view.as_text(top))


def looked(service: Service, looks: int | None) -> Iterator[Top]:
    """One look each second; the first one only begins to count."""
    watcher, number = Watcher(), 0
    watcher.look(service.snapshot())
    while looks is None or number < looks:
        time.sleep(LOOK_SECONDS)
        yield watcher.look(service.snapshot())
        number += 1


def show_live(screen: Console, found: Iterator[Top]) -> None:
    """On the whole terminal, in place."""
    with Live(console=screen, screen=True, auto_refresh=False) as live:
        for top in found:
            live.update(top_view.as_text(top), refresh=True)


@click.command("bench")
@click.argument("path", default="/")
@click.option(
    "--rate", type=click.FloatRange(0, MOST, min_open=True), default=100.0, show_default=True, help="Requests/s."
)
@click.option("--length", type=LENGTH, default="10s", show_default=True, help="How long: 10s, 2m.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def measure(path: str, rate: float, length: float, *, as_json: bool) -> None:
    """Send requests to the running service in a steady rhythm, and say how they were answered.

    They are GET requests for PATH. Those for paths below COUNT_PREFIX are counted, as those of people are: 100 a second
    bring all the containers that there may be. A rhythm shows what people see; for the highest rate that is possible
    take a tool such as wrk.

    Fails if a request was lost: no whole answer, or one that says 5xx.
    """
    if not path.startswith("/"):
        raise click.UsageError(f"PATH must begin with /, not {path!r}")
    sent = probed(public_port(), path, rate, length, quiet=as_json)
    if as_json:
        click.echo(json.dumps(facts_of(sent)))
    else:
        console().print(report(sent))
    if lost := sum(one.lost for one in sent):
        raise click.ClickException(f"{lost:,} of {len(sent):,} requests were lost ({first_trouble(sent)})")


def public_port() -> int:
    """Where the running service listens. Raises environs.EnvError."""
    return service_env().int("LB_PORT", HTTP_PORT, validate=PORT)


def probed(port: int, path: str, rate: float, length: float, *, quiet: bool) -> list[Sent]:
    """Send for so many seconds, with a bar on a terminal; Ctrl-C ends it sooner."""
    screen = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    shown = Progress(*columns, console=screen, disable=quiet or not screen.is_terminal, transient=True)
    with shown, suppress(KeyboardInterrupt), Prober(port, rate, lambda _: Ask("GET", path)) as prober:
        bar = shown.add_task(f"GET {path}", total=length)
        began = time.monotonic()
        while (passed := time.monotonic() - began) < length:
            shown.update(bar, completed=passed, description=f"GET {path}: {len(prober.sent):,} answered")
            time.sleep(min(SHOW_SECONDS, length - passed))
    return prober.sent


def facts_of(sent: Sequence[Sent]) -> dict[str, Any]:
    """The figures; the names of the fields are part of the interface. Times are milliseconds."""
    answered = [one for one in sent if one.status]
    span = max((one.ended for one in sent), default=0.0) - min((one.at for one in sent), default=0.0)
    return {
        "sent": len(sent),
        "lost": sum(one.lost for one in sent),
        "per_second": round(len(sent) / span, 1) if span else None,
        "statuses": {str(status): count for status, count in sorted(Counter(one.status for one in answered).items())},
        "p50_ms": millis(answered, 0.5),
        "p95_ms": millis(answered, 0.95),
        "p99_ms": millis(answered, 0.99),
        "longest_ms": millis(answered, 1.0),
        "longest_gap_ms": round(longest_gap(sent) * 1000, 2),
        "containers": dict(sorted(Counter(one.container for one in answered).items())),
    }


def millis(answered: Sequence[Sent], share: float) -> float | None:
    """The time within which this share was answered; None without answers."""
    return round(percentile(answered, share) * 1000, 2) if answered else None


def report(sent: Sequence[Sent]) -> Table:
    """The figures for a person."""
    facts = facts_of(sent)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_row("Sent", f"{facts['sent']:,} ({facts['per_second'] or 0:,} a second), {facts['lost']:,} lost")
    statuses = ", ".join(f"{count:,} times {status}" for status, count in facts["statuses"].items())
    table.add_row("Answers", statuses or "none")
    if facts["p50_ms"] is not None:
        times = f"p50 {facts['p50_ms']} ms, p95 {facts['p95_ms']} ms, p99 {facts['p99_ms']} ms"
        table.add_row("Times", f"{times}, longest {facts['longest_ms']} ms")
    shares = ", ".join(f"{number or 'none'}: {count:,}" for number, count in facts["containers"].items())
    table.add_row("Containers", shares or "none")
    return table


def first_trouble(sent: Sequence[Sent]) -> str:
    """What happened to the first one that was lost."""
    return next((one.trouble or f"answered {one.status}" for one in sent if one.lost), "")
