"""What a process container is made of, kept so that it can be started again later: the process runtime's images.

    STATE_DIR/releases/3f2a9c81d2e4/acts_app/       the acts application as it was when this release was made
    STATE_DIR/releases/3f2a9c81d2e4/command.json    any other application: the words of its command

Our own application is copied, so that what runs is what was deployed, however the checkout is edited or checked out
meanwhile, and so that there is something to go back to. Of another application only the command is known: going back
starts the former command with the code that it finds then. What is run is read from here and never from Redis, where
nobody should be able to put a command of his own.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.runtime.base import ImageMissing
from deploy.settings import ACTS_COMMAND, ROOT

APPLICATION = "acts_app"
COMMAND = "command.json"
KEPT = 5  # releases, besides those that run: as far back as anybody has gone
LENGTH = 12  # hex digits of a fingerprint, as engines show them
NAME = re.compile(rf"[^@/]+@([0-9a-f]{{{LENGTH}}})")


@dataclass(frozen=True)
class Release:
    """A command and where it is run; `name` says which, for ever."""

    name: str
    command: tuple[str, ...]
    folder: Path


class Releases:
    """The releases of a folder. `configured` is the command of the settings; `application` holds our own code."""

    def __init__(self, folder: Path, configured: tuple[str, ...], application: Path = ROOT / APPLICATION) -> None:
        self._folder = folder
        self._configured = configured
        self._application = application

    def current(self) -> Release:
        """The release of what is configured, with the code as it is on disk now."""
        return self._of_acts() if self._configured == ACTS_COMMAND else self._of_command(self._configured)

    def of_line(self, line: str) -> Release:
        """The release that a command line names, or its exact name. Raises ImageMissing."""
        if known := self.find(line):
            return known
        try:
            words = tuple(shlex.split(line))
        except ValueError as error:
            raise ImageMissing(f"{line!r} is no command line: {error}") from error
        if not words or shutil.which(words[0], path=os.environ.get("PATH")) is None:
            raise ImageMissing(f"there is no release {line!r}, and no such program either")
        return self._of_command(words)

    def find(self, name: str) -> Release | None:
        """The release of an exact name; None when it is not kept, or is no such name."""
        match = NAME.fullmatch(name)
        folder = self._folder / match[1] if match else None
        if folder is None or not folder.is_dir():
            return None
        with suppress(OSError, ValueError):
            return Release(name, tuple(json.loads((folder / COMMAND).read_text())), ROOT)
        return Release(name, ACTS_COMMAND, folder) if (folder / APPLICATION).is_dir() else None

    def prune(self, used: Collection[str]) -> None:
        """Forget the oldest, but for those of the exact names `used`."""
        folders = sorted(self._folder.glob("*/"), key=lambda one: one.stat().st_mtime, reverse=True)
        names = {match[1] for match in map(NAME.fullmatch, used) if match}
        for folder in folders[KEPT:]:
            if folder.name not in names:
                shutil.rmtree(folder, ignore_errors=True)

    def _of_acts(self) -> Release:
        fingerprint = fingerprint_of(self._application)
        folder = self._folder / fingerprint
        if not folder.is_dir():
            part = self._folder / f"{fingerprint}.{os.getpid()}.part"
            shutil.copytree(self._application, part / APPLICATION, dirs_exist_ok=True)
            put(part, folder)
        os.utime(folder)
        return Release(f"acts@{fingerprint}", ACTS_COMMAND, folder)

    def _of_command(self, words: tuple[str, ...]) -> Release:
        text = json.dumps(words)
        fingerprint = hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
        folder = self._folder / fingerprint
        if not folder.is_dir():
            part = self._folder / f"{fingerprint}.{os.getpid()}.part"
            part.mkdir(parents=True, exist_ok=True)
            (part / COMMAND).write_text(text)
            put(part, folder)
        os.utime(folder)
        return Release(f"{label_of(words)}@{fingerprint}", words, ROOT)


def put(part: Path, folder: Path) -> None:
    """Give a finished release its name; somebody else may have been first with the very same."""
    try:
        part.rename(folder)
    except OSError:
        shutil.rmtree(part)


def fingerprint_of(application: Path) -> str:
    """A hash over the names and contents of the sources."""
    sources = (path for path in sorted(application.rglob("*")) if path.is_file() and "__pycache__" not in path.parts)
    lines = (f"{path.relative_to(application)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sources)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:LENGTH]


def label_of(words: tuple[str, ...]) -> str:
    """What people know a command by: its last word that is no option and no code, without its folder."""
    names = [word for word in words if not word.startswith("-") and not re.search(r"\s", word)]
    return re.sub(r"[^\w.:-]", "-", Path(names[-1]).name)[:40] if names else words[0]
