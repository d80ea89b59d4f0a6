"""`export`, `replay` and `simulate`: what the policy made of requests, and what another one would make of them."""

import gzip
import io
import json
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from autoscaler import decision_log
from autoscaler.decision_log import Entry
from autoscaler.policy import Policy
from autoscaler.replay import Replayed, arrivals_of, replay
from autoscaler.settings import AutoscalerSettings
from autoscaler.shapes import SHAPES
from autoscaler.shapes import arrivals_of as arrivals_of_shape
from autoscaler.simulate import SERVICE_SECONDS, Arrivals, Point, simulate, summarise
from autoscaler.traces import NoTrace, arrivals_in
from autoscaler.why import local_time
from lb.clock import redis_time
from monitor import whatif_view
from monitor.curves import Curve, NotDrawn, draw
from monitor.service_env import service_env
from monitor.session import LENGTH, Service, console
from monitor.whatif_view import Bars, Outcome

SHOWN_DIFFERENCES = 5
AS_IT_IS = "as it is"

LAST = click.option("--last", type=LENGTH, default="1h", show_default=True, help="How far back: 90s, 30m, 1h, 1d.")
POLICIES = click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="NAME=VALUE,…",
    help="Another policy to put beside it, such as requests_per_container=40,window=60; may be given again.",
)
CHART = click.option(
    "--chart",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE.png",
    help="Draw requests and containers over time (PNG, SVG or PDF).",
)
SERVICE_TIME = click.option(
    "--service-time",
    type=click.FloatRange(0, min_open=True),
    default=SERVICE_SECONDS,
    show_default=True,
    help="Seconds that a request takes, for policies that look at requests in flight.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="JSON, for scripts.")


@click.command("export")
@click.argument("file", type=click.File("w"))
@LAST
def export_decisions(file: IO[str], last: float) -> None:
    """Write the recorded decisions to FILE, to look into them elsewhere."""
    number = 0
    for entry in recorded(last):
        file.write(json.dumps(decision_log.fields_of(entry)) + "\n")
        number += 1
    click.echo(f"{number:,} decisions.", err=True)


@click.command("replay")
@click.argument("file", type=click.File("r"), required=False)
@LAST
@POLICIES
@CHART
@SERVICE_TIME
@AS_JSON
def replay_decisions(  # noqa: PLR0913 - one parameter for each option
    *,
    file: IO[str] | None,
    last: float,
    policies: Sequence[str],
    chart: Path | None,
    service_time: float,
    as_json: bool,
) -> None:
    """Decide again what was decided, and compare.

    Reads FILE, as `export` has written it, or the running service's last hour. Fails if the same policy does not decide
    the same again. With --policy or --chart, shows what policies would have made of the same requests.
    """
    entries = list(imported(file) if file else recorded(last))
    if not entries:
        raise click.ClickException("there are no decisions to replay")
    replayed = list(replay(entries))
    different = [tick for tick in replayed if tick.settled and tick.differs]
    if not as_json:
        click.echo(verdict(replayed, different))
    if policies or as_json or chart:
        load = Load(arrivals_of(entries))
        beside = outcomes(load, named(entries[-1].policy, policies), service_time)
        show(f"{len(entries):,} recorded decisions", beside, chart, as_json)
    if different:
        raise click.ClickException("the same policy does not decide the same")


@click.command("simulate")
@click.argument("load", metavar="FILE|SHAPE")
@POLICIES
@click.option("--length", type=LENGTH, help="How long a shape lasts: 30m, 1h, 1d.")
@click.option("--peak", type=click.FloatRange(0, min_open=True), help="Requests per second of a shape at its peak.")
@click.option("--prefix", default="", help="Count only paths below it, of an access log.")
@CHART
@SERVICE_TIME
@AS_JSON
def simulate_load(  # noqa: PLR0913 - one parameter for each option
    *,
    load: str,
    policies: Sequence[str],
    length: float | None,
    peak: float | None,
    prefix: str,
    chart: Path | None,
    service_time: float,
    as_json: bool,
) -> None:
    """Try a policy on requests that never came, or came elsewhere.

    FILE has one time in each line (CSV), or is the access log of Apache or nginx, also gzipped.

    \b
    SHAPE is one of
      steady  the same all the time
      ramp    from nothing to the peak
      spike   little, then very much for a tenth of the time, then little
      day     a quiet night and a busy afternoon
      herd    everybody at once, ten times
    """
    beside = named(AutoscalerSettings.from_env(service_env()).policy, policies)
    show(load, outcomes(load_from(load, length, peak, prefix), beside, service_time), chart, as_json)


def recorded(last: float) -> Iterator[Entry]:
    """The running service's decisions of the last seconds."""
    service = Service()
    return decision_log.read(service.redis, service.service.name, redis_time(service.redis) - last)


def imported(file: Iterable[str]) -> Iterator[Entry]:
    """The decisions of an exported file."""
    for number, line in enumerate(file, start=1):
        try:
            yield decision_log.entry_of(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise click.ClickException(f"line {number} is no decision as `export` writes it ({error})") from error


def named(policy: Policy, texts: Sequence[str]) -> dict[str, Policy]:
    """The policy as it is, and the others that were asked for, each by what is different in it."""
    try:
        return {AS_IT_IS: policy} | {text: policy.changed(text) for text in texts}
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def verdict(replayed: Sequence[Replayed], different: Sequence[Replayed]) -> str:
    """Whether the same policy decides the same again."""
    unsettled = sum(not tick.settled for tick in replayed)
    span = f"{local_time(replayed[0].entry.at)} to {local_time(replayed[-1].entry.at)}"
    told = f"{len(replayed):,} decisions from {span}, {unsettled:,} of them only to know the past."
    if not different:
        return f"{told} The same policy decides the same again."
    lines = [f"{told} {len(different):,} differ:"]
    for entry, decision, _ in different[:SHOWN_DIFFERENCES]:
        lines.append(f"  {local_time(entry.at)}: recorded {entry.target}, now {decision.target} for {entry.reason}")
    return "\n".join(lines)


class Load:
    """Requests, second by second, small enough to be kept for several policies: four bytes for each second."""

    def __init__(self, arrivals: Iterable[Arrivals]) -> None:
        self._start = 0
        self._numbers = array("L")
        for second in arrivals:
            self._start = self._start or second.at
            self._numbers.append(second.number)

    def __len__(self) -> int:
        """How many seconds there are."""
        return len(self._numbers)

    def __iter__(self) -> Iterator[Arrivals]:
        """From the first second on; may be asked for again."""
        return (Arrivals(self._start + n, number) for n, number in enumerate(self._numbers))


def load_from(name: str, length: float | None, peak: float | None, prefix: str) -> Load:
    """The requests of a shape or of a file."""
    if shape := SHAPES.get(name):
        return Load(arrivals_of_shape(shape, int(length or shape.length), peak or shape.peak))
    try:
        return Load(with_progress(Path(name), prefix))
    except NoTrace as error:
        raise click.ClickException(f"{name}: {error}") from error
    except OSError as error:
        shapes = ", ".join(SHAPES)
        raise click.ClickException(f"{name}: {error.strerror or error}; the shapes are {shapes}") from error


def with_progress(path: Path, prefix: str) -> Iterator[Arrivals]:
    """The requests of a file, with a bar on a terminal while it is read."""
    size, quiet = path.stat().st_size, not sys.stderr.isatty()
    progress = click.progressbar(length=size, label=f"Reading {path}", file=sys.stderr, hidden=quiet)
    with opened(path) as (raw, lines), progress as bar:
        for second in arrivals_in(lines, prefix):
            if raw.tell() - bar.pos > size // 100:
                bar.update(raw.tell() - bar.pos)
            yield second
        bar.update(size - bar.pos)


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], Iterable[bytes]]]:
    """The file as it lies there, to know how far it is read, and its lines, unpacked where that is needed."""
    with path.open("rb") as raw:
        yield raw, io.BufferedReader(gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw


def outcomes(load: Load, policies: Mapping[str, Policy], service_time: float) -> dict[str, Outcome]:
    """What each policy makes of the load."""
    return {name: outcome(load, policy, service_time) for name, policy in policies.items()}


def outcome(load: Load, policy: Policy, service_time: float) -> Outcome:
    """One policy's figures, bars and curve, in one pass."""
    bars, curve = Bars(len(load)), Curve.over(len(load))

    def drawn(points: Iterable[Point]) -> Iterator[Point]:
        for point in points:
            bars.add(point)
            curve.add(point)
            yield point

    summary = summarise(drawn(simulate(load, policy, service_seconds=service_time)))
    return Outcome(policy, summary, bars.heights, curve)


def show(title: str, beside: Mapping[str, Outcome], chart: Path | None, as_json: bool) -> None:
    """Show the policies beside one another, and draw them where that was asked for."""
    if as_json:
        click.echo(json.dumps(whatif_view.as_json(beside)))
    else:
        console().print(whatif_view.as_text(beside))
    if chart:
        draw_chart(title, beside, chart)


def draw_chart(title: str, beside: Mapping[str, Outcome], chart: Path) -> None:
    """Write the chart, and say where."""
    try:
        draw(title, {name: one.curve for name, one in beside.items()}, chart)
    except NotDrawn as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{chart} is drawn.", err=True)
