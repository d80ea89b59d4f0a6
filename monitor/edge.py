"""Where a command meets its operator: whatever went wrong underneath becomes one sentence and an exit code.

1 means that it is not done, 2 that the command or a variable is wrong.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click
import environs
import redis

from deploy.runtime.base import KillFailed, RuntimeAway, RuntimeRefused, RuntimeTrouble
from lb.redis_advice import advice
from lb.redis_url import without_secrets
from lb.settings import sentence
from monitor.service_env import service_env

# What to do where the sentence itself does not say it.
FIXES: Mapping[type[RuntimeTrouble], str] = {
    RuntimeAway: "Start it, and see what `selfieless doctor` says.",
    RuntimeRefused: "`selfieless doctor` says what it has and lacks, its own log why it refuses.",
    KillFailed: "Something in the kernel holds it, mostly a disk that does not answer; see `selfieless events`.",
}


class WrongSetting(click.ClickException):
    """A variable is wrong."""

    exit_code = 2


class Commands(click.Group):
    """A group whose commands end in one sentence, whatever goes wrong, and are listed by what they are for.

    A command is imported when it is typed: half of a second is saved by not loading what another one needs.
    """

    def __init__(self, *, sections: Mapping[str, Mapping[str, str]], **options: Any) -> None:
        """`sections`: title -> name of a command -> where it is, "module:name in it"."""
        super().__init__(**options)
        self.sections = sections
        self.places = {name: place for commands in sections.values() for name, place in commands.items()}

    def list_commands(self, _context: click.Context) -> list[str]:
        """The names of all commands."""
        return list(self.places)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Load a command; None if there is none of this name."""
        if name not in self.places:
            return None
        module, _, attribute = self.places[name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, section by section, each with its first sentence."""
        widest = max(map(len, self.places))
        for title, names in self.sections.items():
            commands = [(name, self.get_command(context, name)) for name in names]
            rows = [(name.ljust(widest), each.get_short_help_str(100)) for name, each in commands if each]
            with formatter.section(title):
                formatter.write_dl(rows)

    def invoke(self, context: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(context)
        except environs.EnvError as error:
            raise WrongSetting(sentence(error)) from error
        except redis.RedisError as error:
            raise click.ClickException(redis_sentence(error)) from error
        except RuntimeTrouble as error:
            raise click.ClickException(runtime_sentence(error)) from error


def redis_sentence(error: redis.RedisError) -> str:
    """What to do when the state Redis does not answer."""
    url = without_secrets(service_env().str("REDIS_URL", "redis://127.0.0.1:6379/0"))
    return (
        f"the state Redis at REDIS_URL={url} cannot be used ({advice(error)}). "
        "Start the service with ./deploy/up, or set REDIS_URL, or STATE_DIR, to those of the running one."
    )


def runtime_sentence(error: RuntimeTrouble) -> str:
    """What a runtime has not done, and what to do about it."""
    return f"{str(error).removesuffix('.')}. {FIXES.get(type(error), '')}".strip()
