"""`status` and `events`: what is, and what happened."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial

import click
import redis
from rich.console import RenderableType
from rich.live import Live
from rich.text import Text

from lb import events
from lb.events import Event
from monitor import event_view, status_view
from monitor.edge import redis_sentence
from monitor.session import Service, console

REFRESH_SECONDS = 0.5
FOLLOW_SECONDS = 0.25


@click.command()
@click.option("-w", "--watch", is_flag=True, help="Show it again and again until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
def status(watch: bool, as_json: bool) -> None:
    """Show containers, requests and parts at a glance."""
    service = Service()
    if as_json:
        click.echo(json.dumps(status_view.as_json(service.snapshot())))
    elif watch:
        watch_status(service)
    else:
        console().print(status_view.as_text(service.snapshot()))


def watch_status(service: Service) -> None:
    """Show the status until Ctrl-C: on the whole screen of a terminal, elsewhere one after the other."""
    screen = console()
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        show: Callable[[RenderableType], None] = screen.print
        if screen.is_terminal:
            live = stack.enter_context(Live(console=screen, screen=True, auto_refresh=False))
            show = partial(live.update, refresh=True)
        while True:
            show(status_or_trouble(service))
            time.sleep(REFRESH_SECONDS)


def status_or_trouble(service: Service) -> RenderableType:
    """The status; while Redis does not answer, that: a watch goes on."""
    try:
        return status_view.as_text(service.snapshot())
    except redis.RedisError as error:
        return Text(redis_sentence(error))


@click.command("events")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option("-n", "--last", default=20, show_default=True, help="How many to begin with.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object in each line, for scripts.")
def show_events(follow: bool, last: int, as_json: bool) -> None:
    """Show what happened, to which container, and why.

    Kinds: launched, healthy, sick, relaunched, drained, stopped, scaled, failed, held, degraded, recovered, adopted,
    ordered, rollout, rebalance, drill, standby.
    """
    service, screen = Service(), console()
    with suppress(KeyboardInterrupt):
        for event in chosen_events(service, last, follow):
            if as_json:
                click.echo(json.dumps(event_view.as_json(event)))
            else:
                screen.print(event_view.as_text(event), soft_wrap=True)


def chosen_events(service: Service, last: int, follow: bool) -> Iterator[Event]:
    """The last events, and with `follow` those to come, without end."""
    seen = "0"
    for event in events.last(service.redis, service.service.name, last) if last > 0 else []:
        seen = event.id
        yield event
    while follow:
        for event in events.read(service.redis, service.service.name, seen):
            seen = event.id
            yield event
        time.sleep(FOLLOW_SECONDS)
