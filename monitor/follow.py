"""What the commands share whose work the deploy worker does: they begin it, and tell what happens until it is over."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import click
from rich.console import Console
from rich.status import Status

from deploy import daemon_beat
from lb import events
from lb.events import Event
from monitor import event_view
from monitor.session import Service, console

LOOK_SECONDS = 0.2
INTERRUPTED = 130  # what shells say of a command that Ctrl-C has ended
LAST_EVENTS = 1000  # read at once; far more than come between two looks


class Follower:
    """Tells what happens from its making on: events, and between them how far it is."""

    def __init__(self, service: Service, *, as_json: bool) -> None:
        self._service = service
        self._name = service.service.name
        self._json = as_json
        self._console: Console = console()
        self._seen = newest_event(service)

    def tell(self, line: str) -> None:
        """A line of our own."""
        click.echo(json.dumps({"line": line}) if self._json else line)

    def follow(self, progress: Callable[[], str | None], goes_on: str) -> None:
        """Until `progress` is None. Ctrl-C ends the watching alone: then `goes_on` is told, with its status."""
        try:
            self._until_over(progress)
        except KeyboardInterrupt:
            click.echo(goes_on, err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None

    def _until_over(self, progress: Callable[[], str | None]) -> None:
        with self._spinner() as update:
            while True:
                told = progress()
                for event in self._news():
                    self._tell_event(event)
                if told is None:
                    return
                update(told + self._worker_trouble())
                time.sleep(LOOK_SECONDS)

    def _spinner(self) -> AbstractContextManager[Callable[[str], None]]:
        """Where the progress is shown: a line that moves on a terminal, nowhere else."""
        if self._json or not self._console.is_terminal:
            return nullcontext(lambda _line: None)
        return Spinner(self._console)

    def _news(self) -> Iterator[Event]:
        for event in events.read(self._service.redis, self._name, self._seen, LAST_EVENTS):
            self._seen = event.id
            yield event

    def _tell_event(self, event: Event) -> None:
        if self._json:
            click.echo(json.dumps(event_view.as_json(event)))
        else:
            self._console.print(event_view.as_text(event), soft_wrap=True)

    def _worker_trouble(self) -> str:
        alive = daemon_beat.read(self._service.redis, self._name, "deploy")
        return "" if alive else "; it waits for the deploy worker, which shows no sign of life"


class Spinner:
    """A line that moves, with what is going on now."""

    def __init__(self, screen: Console) -> None:
        self._status = Status("", console=screen)

    def __enter__(self) -> Callable[[str], None]:
        self._status.start()
        return self._status.update

    def __exit__(self, *_: object) -> None:
        self._status.stop()


def newest_event(service: Service) -> str:
    """The id of the last event so far; "0" when there is none."""
    last = events.last(service.redis, service.service.name, 1)
    return last[-1].id if last else "0"
