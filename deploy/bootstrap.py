"""Makes the virtual environment that the commands `deploy/up` and `deploy/test` run in.

This is the only file that runs before anything is installed, so it uses nothing but the standard library. It
installs a pinned, hashed requirements file and then this project itself, and remembers a fingerprint of both:
a second start finds the fingerprint unchanged and goes straight on.
"""

from __future__ import annotations  # so that an older Python gets as far as saying that it is too old

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.interpreter import OLDEST_PYTHON, choose

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
FAILED, WRONG_SETTING = 1, 2
PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^]]*\])?==", re.MULTILINE)
# What is in which file: an environment made for the first name serves the others too.
CONTAINS = {"dev": ("dev",), "up": ("up", "dev")}


class SetupError(Exception):
    """The environment cannot be made; the message is one sentence with the cause and the fix."""


class WrongPython(SetupError):
    """What PYTHON names is of no use."""


def run(kind: str, program: str, arguments: list[str]) -> None:
    """Make the environment of `kind` ("up" or "dev") if it is not there, then become `program` in it."""
    try:
        newest_python_or_this()
        ensure(kind)
    except SetupError as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        sys.exit(WRONG_SETTING if isinstance(error, WrongPython) else FAILED)
    except PermissionError as error:
        sys.exit(
            f"{Path(sys.argv[0]).name}: {error.filename} is closed to this account ({error.strerror}): use the account "
            "that the checkout belongs to, or make a clone of your own."
        )
    except KeyboardInterrupt:
        sys.exit("\nStopped while setting up; the next start goes on from here.")
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.environ.update(PATH=path, VIRTUAL_ENV=str(VENV))
    os.execv(VENV / "bin" / program, [program, *arguments])  # noqa: S606 - no shell is wanted here


def newest_python_or_this() -> None:
    """Go on under a newer interpreter from PATH where `python3` is too old."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    for minor in range(OLDEST_PYTHON[1], 20):
        newer = shutil.which(f"python3.{minor}")
        if newer:
            os.execv(newer, [newer, *sys.argv])  # noqa: S606
    raise SetupError("Python 3.11 or newer is needed and none is on PATH: install it and start again.")


def ensure(kind: str) -> None:
    """Bring the virtual environment to what requirements/<kind>.txt and pyproject.toml say."""
    if is_ready(kind):
        return  # also for accounts that may not write into the checkout
    with only_one(ROOT / ".venv.lock"):
        if is_ready(kind):
            return
        python = chosen_python()  # before anything is changed: it may be of no use
        for name in CONTAINS:
            stamp(name).unlink(missing_ok=True)
        make_venv(python)
        install(ROOT / "requirements" / f"{kind}.txt")
        install_project()
        compile_project()
        stamp(kind).write_text(fingerprint(kind))


def is_ready(kind: str) -> bool:
    """Whether the environment is what it should be. While it is made there is no stamp, so this is never half true."""
    return any(stamp(name).is_file() and stamp(name).read_text() == fingerprint(name) for name in CONTAINS[kind])


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock file while inside, so that two starts at once do not install over each other."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def stamp(kind: str) -> Path:
    """The file that says which requirements the environment was last brought to."""
    return VENV / f"requirements-{kind}.sha256"


def fingerprint(kind: str) -> str:
    """Changes whenever what would be installed changes, or the interpreter, or the place of the checkout."""
    digest = hashlib.sha256(f"{interpreter()} {os.environ.get('PYTHON', '')} {ROOT}\n".encode())
    for path in (ROOT / "requirements" / f"{kind}.txt", ROOT / "pyproject.toml"):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def interpreter() -> str:
    """The program behind the environment's `python`; empty when there is none, or none any more."""
    link = VENV / "bin" / "python"
    return os.path.realpath(link) if link.exists() else ""


def chosen_python() -> str:
    """The interpreter for the environment: what PYTHON names, else the fastest of this machine."""
    if Path(sys.prefix) == VENV:
        return interpreter()  # whoever runs in it keeps it
    try:
        program, line = choose(os.environ.get("PYTHON", ""))
    except ValueError as error:
        raise WrongPython(str(error)) from error
    if line:
        say(line)
    return program


def make_venv(python: str) -> None:
    """Create the virtual environment, from scratch where another one or a broken one stands in the way."""
    same = interpreter() == os.path.realpath(python)
    if same and call([VENV / "bin" / "python", "-m", "pip", "--version"]) == 0:
        return
    say("Making a virtual environment in .venv …")
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run([python, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise SetupError(
            "Python cannot make a virtual environment here "
            f"({last_line(made.stdout + made.stderr)}). On Debian and Ubuntu: apt-get install python3-venv."
        )


def install(requirements: Path) -> None:
    """Install every pinned package of the file, with its hash checked, and show how far it is."""
    total = len(set(PINNED.findall(requirements.read_text())))
    if not sys.stderr.isatty():  # where no progress line is drawn
        say(f"Installing {total} packages, which takes a minute or two …")
    command = pip("install", "--require-hashes", "--progress-bar", "off", "-r", str(requirements))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        output = list(shown(process.stdout, total))
    progress(f"Installing packages: {'done' if process.returncode == 0 else 'failed'}.\n")
    if process.returncode != 0:
        cause = last_line("".join(line for line in output if line.startswith("ERROR")) or "".join(output))
        raise SetupError(
            f"pip could not install {requirements.relative_to(ROOT)} ({cause}). "
            "Check the network and pip's index settings, then start again: what was downloaded is kept."
        )


def shown(lines: Iterator[str], total: int) -> Iterator[str]:
    """Pass pip's lines on and draw the progress line from them."""
    done = 0
    for line in lines:
        if line.startswith("Collecting "):
            done += 1
            progress(f"Installing packages: {min(done, total)} of {total} ({line.split()[1].split('==')[0]})")
        elif line.startswith("Installing collected"):
            progress(f"Installing packages: unpacking {total} …")
        yield line


def install_project() -> None:
    """Install this checkout itself, so that `selfieless` is a command of the environment."""
    command = pip("install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"pip could not install this project itself: {last_line(done.stderr)}")


def compile_project() -> None:
    """Compile our own modules once: half a dozen processes import them at each start, all at the same moment."""
    call([VENV / "bin" / "python", "-m", "compileall", "-q", *(path.parent for path in ROOT.glob("*/__init__.py"))])


def pip(*arguments: str) -> list[str]:
    """The pip of the virtual environment as a command."""
    return [str(VENV / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", *arguments]


def call(command: list[object]) -> int:
    """Exit status of a command whose output nobody wants; 127 where it cannot even be started."""
    try:
        return subprocess.run([str(word) for word in command], capture_output=True, check=False).returncode
    except OSError:
        return 127


def last_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def say(line: str) -> None:
    """One line for the person who waits."""
    print(line, file=sys.stderr, flush=True)


def progress(line: str) -> None:
    """Draw over the last progress line on a terminal; elsewhere only the end is worth a line."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
    elif line.endswith("\n"):
        print(line, end="", file=sys.stderr, flush=True)
