"""Where a command meets its operator: whatever went wrong underneath becomes one sentence and an exit code.

1 means that it is not done, 2 that the command or a variable is wrong.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

import click
import environs
import redis

from lb.settings import sentence
from monitor.service_env import service_env


class WrongSetting(click.ClickException):
    """A variable is wrong."""

    exit_code = 2


class Commands(click.Group):
    """A group whose commands end in one sentence, whatever goes wrong, and are listed by what they are for."""

    sections: Mapping[str, Sequence[str]] = MappingProxyType({})  # title -> names; the rest comes last

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, section by section, each with its first sentence."""
        listed = {name for names in self.sections.values() for name in names}
        rest = [name for name in self.list_commands(context) if name not in listed]
        widest = max(map(len, self.commands), default=0)
        for title, names in {**self.sections, "Others": rest}.items():
            rows = [(name.ljust(widest), self.commands[name].get_short_help_str(100)) for name in names]
            if rows:
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


def redis_sentence(error: redis.RedisError) -> str:
    """What to do when the state Redis does not answer."""
    url = without_password(service_env().str("REDIS_URL", "redis://127.0.0.1:6379/0"))
    return (
        f"the state Redis at REDIS_URL={url} cannot be used ({str(error).rstrip('.')}). "
        "Start the service with ./deploy/up, or set REDIS_URL, or STATE_DIR, to those of the running one."
    )


def without_password(url: str) -> str:
    """A URL that may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return urlunsplit(parts._replace(netloc=f"***@{parts.netloc.rpartition('@')[2]}"))
