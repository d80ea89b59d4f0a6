"""One part of the service as a process of its own: `python -m deploy.part lb` becomes the proxy.

`up` starts all parts itself. Where somebody else does, an engine or systemd, this is what they start: the part with the
secrets that it needs, which lie in STATE_DIR. `python -m deploy.part secrets` makes them once, before all others.
Any other command is run as it stands, as people expect of a container.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.machine.tokens import kept

SECRETS = ("CRASH_TOKEN", "ADMIN_TOKEN", "SESSION_SECRET")
GROUP_MAY_READ = 0o440  # the parts have accounts of their own, and this group in common


class NoSuchCommand(Exception):
    """What was asked for is neither a part nor a program; the message is a sentence."""


@dataclass(frozen=True)
class Part:
    """What a part is started with: arguments for Python, and the secrets that it is told."""

    arguments: tuple[str, ...]
    secrets: tuple[str, ...] = ()


PARTS = {
    "lb": Part(("-m", "gunicorn", "-c", "python:lb.gunicorn_conf"), ("CRASH_TOKEN",)),
    "deploy": Part(("-m", "deploy"), ("CRASH_TOKEN", "SESSION_SECRET")),
    "monitor": Part(("-m", "monitor")),
    "autoscaler": Part(("-m", "autoscaler")),
    "disk": Part(("-m", "deploy.machine.disk")),
    "dashboard": Part(("-m", "gunicorn", "-c", "python:monitor.dashboard.gunicorn_conf"), ("ADMIN_TOKEN",)),
}


def main(words: list[str]) -> int:
    """Become the part, or make the secrets; 2 when there is no such command, or when secrets are not readable."""
    folder = Path(os.environ.get("STATE_DIR") or "var").absolute()
    try:
        if words == ["secrets"]:
            make_secrets(folder)
            return 0
        become(words, {**os.environ, **told(words, folder, os.environ)})
    except NoSuchCommand as error:
        print(f"part: {error}", file=sys.stderr)
    except OSError as error:
        print(
            f"part: {' '.join(words)}: {error.filename}: {error.strerror}. STATE_DIR must be a folder in which "
            "`python -m deploy.part secrets` has made the secrets, and whose group this account is in.",
            file=sys.stderr,
        )
    return 2


def become(words: list[str], environment: Mapping[str, str]) -> None:
    """Replace this process by the part, or by the command. Raises NoSuchCommand, OSError."""
    part = PARTS.get(" ".join(words))
    command = [sys.executable, *part.arguments] if part else words
    program = shutil.which(command[0]) if command else None
    if program is None:
        known = ", ".join([*PARTS, "secrets"])
        raise NoSuchCommand(f"{words[0] if words else 'which one?'}: no such command; the parts are {known}.")
    os.execve(program, command, dict(environment))  # noqa: S606 - no shell is wanted here


def told(words: list[str], folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The part's secrets from STATE_DIR, but for those that the environment has, or names another file for."""
    part = PARTS.get(" ".join(words), Part(()))
    files = {name: folder / name.lower() for name in part.secrets if not has(environment, name)}
    return {name: path.read_text().strip() for name, path in files.items() if path.exists()}


def has(environment: Mapping[str, str], name: str) -> bool:
    """Whether somebody has chosen this secret."""
    return bool(environment.get(name) or environment.get(f"{name}_FILE"))


def make_secrets(folder: Path) -> None:
    """Make what is missing; the group of the folder's owner may read it."""
    for name in SECRETS:
        path = folder / name.lower()
        kept(path)
        path.chmod(GROUP_MAY_READ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
