"""What the commands share: the running service as they reach it, and where they write."""

import sys
import time
from collections.abc import Callable

import click
from rich.console import Console

from autoscaler.settings import AutoscalerSettings
from lb.redis_client import connect
from monitor import snapshot
from monitor.moments import moment, seconds
from monitor.service_env import service_env
from monitor.snapshot import Snapshot

WIDTH_OF_A_FILE = 200  # columns where there is no terminal: nothing is to be cut or folded there


def console() -> Console:
    """Where commands write. No colours, and nothing folded, where that is no terminal."""
    width = None if sys.stdout.isatty() else WIDTH_OF_A_FILE
    return Console(width=width, highlight=False)


class Service:
    """The running service as the command line reaches it. Raises environs.EnvError."""

    def __init__(self) -> None:
        self.settings = AutoscalerSettings.from_env(service_env())
        self.service = self.settings.service
        self.redis = connect(self.service.redis_url, name="selfieless")

    def snapshot(self) -> Snapshot:
        """How it is now. Raises redis.RedisError."""
        return snapshot.read(self.redis, self.service, self.settings.policy)


class Parsed(click.ParamType[float]):
    """A parameter that one of our functions understands; its ValueError is shown as it stands."""

    def __init__(self, name: str, parse: Callable[[str], float]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The value as a number of seconds."""
        try:
            return self._parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


MOMENT = Parsed("time", lambda text: moment(text, time.time()))
LENGTH = Parsed("length", seconds)
