"""Containers without a container engine: each is a process in a session of its own, listening on 127.0.0.1:PORT.

The sessions make the containers independent of the deploy worker: it may be killed, and they go on. What was started is
remembered in one record for each port. A process whose start was interrupted before it could be recorded is found again
by the mark in its environment. This runtime is for Linux: it reads /proc.

    STATE_DIR/containers/8000.json   the record of the process on port 8000 (`records`)
    STATE_DIR/releases/              what processes are made of (`releases`)
    STATE_DIR/logs/acts-8000.log     what it writes, over all its lives; acts-8000.log.1 is the part before
"""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from deploy.runtime import processes
from deploy.runtime.base import Found, KillFailed, PortBusy, StartFailed, Tell
from deploy.runtime.records import Record, Records
from deploy.runtime.releases import Release, Releases
from deploy.settings import DeploySettings

HOST = "127.0.0.1"
MARK = "SELFIELESS_CONTAINER"  # in the environment of every container: "<its record's path> <generation>"
KILL_WAIT = 2.0  # seconds for KILL to work; the kernel needs milliseconds unless the process waits for a dead disk
LOG_LIMIT = 20_000_000  # bytes; with the part before it, at most two of these for each port
LAST_LINES = 2  # an exception has its cause in the last; gunicorn writes its reason above "Shutting down"
LAST_BYTES = 4000


class LocalProcesses:
    """The process runtime."""

    name = "process"

    def __init__(self, settings: DeploySettings) -> None:
        self._settings = settings
        self._records = Records(settings.state_dir / "containers")
        self._releases = Releases(settings.state_dir / "releases", settings.command)
        self._logs = settings.state_dir / "logs"
        self._logs.mkdir(parents=True, exist_ok=True)
        self._children = Children()

    def prepare(self, image: str, tell: Tell) -> str:
        """As the protocol says. An image is a command line here, or a release; nothing is fetched for it."""
        release = self._releases.of_line(image) if image else self._releases.current()
        tell(f"{release.name} is ready")
        self._releases.prune({record.image for record in self._records.all()})
        return release.name

    def start(self, port: int, generation: int, image: str = "", node: str = "") -> Found:
        """As the protocol says."""
        del node  # there is but this machine
        try:
            with self._records.locked(port):
                return self._found(self._on_port(port) or self._start(port, generation, image))
        except OSError as error:
            raise StartFailed(f"port {port}: {in_words(error)}") from error

    def terminate(self, runtime_id: str) -> None:
        """As the protocol says."""
        self._signal(runtime_id, signal.SIGTERM)

    def pause(self, runtime_id: str) -> None:
        """As the protocol says."""
        self._signal(runtime_id, signal.SIGSTOP)

    def resume(self, runtime_id: str) -> None:
        """As the protocol says."""
        self._signal(runtime_id, signal.SIGCONT)

    def _signal(self, runtime_id: str, number: signal.Signals) -> None:
        record = self._record_of(runtime_id)
        if record:
            processes.signal_session(record.pid, record.start_ticks, self._mark(record), number)

    def kill(self, runtime_id: str) -> None:
        """As the protocol says."""
        record = self._record_of(runtime_id)
        if record and not processes.kill_session(record.pid, record.start_ticks, self._mark(record), KILL_WAIT):
            raise KillFailed(f"process {record.pid} is still there {KILL_WAIT:g} s after KILL")
        self._children.reap()

    def running(self) -> list[Found]:
        """As the protocol says."""
        self._children.reap()
        ports = [record.port for record in self._records.all()]
        return [self._found(record) for record in map(self._on_port, ports) if record]

    def nodes(self) -> list[str]:
        """There is but this machine."""
        return []

    def find(self, runtime_id: str) -> Found | None:
        """As the protocol says."""
        self._children.reap()
        record = self._record_of(runtime_id)
        return self._found(record) if record else None

    def stopped_by_hand(self, _runtime_id: str) -> bool:
        """Nobody notes who signals a process: an end that none of us wanted counts as a fault."""
        return False

    def last_words(self, runtime_id: str) -> str:
        """As the protocol says."""
        self._children.reap()
        record = self._record_of(runtime_id)
        if record is None:
            return ""
        code = self._children.exit_code(record.pid)
        ending = "" if code is None else exit_words(code)
        return "; ".join(filter(None, [ending, *last_lines(self._log(record.port), record.log_from)]))

    def watch(self, heard: Callable[[], None], until: threading.Event) -> None:
        """Nothing tells of ends here: who looks will see."""

    def housekeep(self) -> None:
        """Keep every log below its bound. The processes append, so they go on at the new beginning."""
        for record in self._records.all():
            keep_below(self._log(record.port), LOG_LIMIT)

    def close(self) -> None:
        """As the protocol says."""
        self._children.let_go()

    def _record_of(self, runtime_id: str) -> Record | None:
        """The record of a container. Only what is recorded is ever signalled, whatever id somebody asks for."""
        records = (record for record in self._records.all() if not record.is_intent)
        return next((record for record in records if record.runtime_id == runtime_id), None)

    def _on_port(self, port: int) -> Record | None:
        """The record of what lives on a port; an interrupted start is looked for."""
        record = self._records.read(port)
        if record is None:
            return None
        if record.is_intent:
            record = self._recovered(record)
        return record if record and processes.lives(record.pid, record.start_ticks) else None

    def _recovered(self, intent: Record) -> Record | None:
        """The process that an interrupted start has left, recorded now; None when there is none."""
        mark = self._mark(intent)
        leaders = (stat for stat in processes.all_stats() if stat.alive and stat.session == stat.pid)
        for leader in leaders:
            if processes.carries(leader.pid, mark):
                return self._recorded(intent, leader.pid, leader.start_ticks)
        return None

    def _release(self, image: str) -> Release:
        """What is to be started; StartFailed when it is not kept any more."""
        release = self._releases.find(image) if image else self._releases.current()
        if release is None:
            raise StartFailed(f"there is no release {image} any more")
        return release

    def _start(self, port: int, generation: int, image: str) -> Record:
        """Start a process; at any point of this it is either not there, or can be found by the intent or the record."""
        release = self._release(image)
        self._end_leftovers(port)
        if not processes.is_free(HOST, port):
            raise PortBusy(f"port {port} is taken by {processes.listener_of(port)}")
        log = self._log(port)
        intent = Record(port, generation, self._records.boot, log_from=size_of(log), image=release.name)
        self._records.write(intent)
        try:
            child = self._spawn(intent, release, log)
        except OSError:
            self._records.forget(port)
            raise
        started = processes.stat(child.pid)
        assert started  # a child that nobody has collected yet has its entry, even if it ended already
        self._children.add(child)
        return self._recorded(intent, child.pid, started.start_ticks)

    def _end_leftovers(self, port: int) -> None:
        """Kill what a dead container has left behind: its port would stay taken, and nobody else knows of it."""
        record = self._records.read(port)
        if record and not record.is_intent:
            processes.kill_session(record.pid, record.start_ticks, self._mark(record), KILL_WAIT)

    def _recorded(self, intent: Record, pid: int, start_ticks: int) -> Record:
        record = replace(intent, pid=pid, start_ticks=start_ticks)
        self._records.write(record)
        return record

    def _spawn(self, intent: Record, release: Release, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                release.command,
                cwd=release.folder,
                env=os.environ | self._environment(intent),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _environment(self, intent: Record) -> dict[str, str]:
        """What a container is told beyond the environment of `up`.

        SPT_NOENV asks setproctitle to leave the environment readable, where the mark is looked for.
        """
        number = self._settings.service.number_of(intent.port)
        told = {"PORT": str(intent.port), "CONTAINER_NUMBER": str(number)}
        name, _, value = self._mark(intent).partition("=")
        return told | {name: value, "SPT_NOENV": "1"}

    def _mark(self, record: Record) -> str:
        """What everybody in a container has in the environment, and nobody else."""
        return f"{MARK}={self._records.folder / str(record.port)} {record.generation}"

    def _log(self, port: int) -> Path:
        return self._logs / f"{self._settings.service.name}-{port}.log"

    def _found(self, record: Record) -> Found:
        alive = not record.is_intent and processes.lives(record.pid, record.start_ticks)
        address = f"{HOST}:{record.port}"
        return Found(record.runtime_id, record.port, address, alive, record.generation, record.pid, record.image)


class Children:
    """The processes that this very process has started: it must collect their exit status when they end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._living: dict[int, subprocess.Popen[bytes]] = {}
        self._exit_codes: dict[int, int] = {}

    def add(self, child: subprocess.Popen[bytes]) -> None:
        """Take over a child."""
        with self._lock:
            self._living[child.pid] = child
            self._exit_codes.pop(child.pid, None)

    def reap(self) -> None:
        """Collect those that have ended."""
        with self._lock:
            for pid, code in polled(self._living.values()):
                self._exit_codes[pid] = code
                del self._living[pid]

    def exit_code(self, pid: int) -> int | None:
        """How a child ended (negative: by that signal); None when it lives or was not ours to collect."""
        return self._exit_codes.get(pid)

    def let_go(self) -> None:
        """Forget the living ones: they go on without us, and that is meant."""
        self.reap()
        with self._lock:
            for child in self._living.values():
                child.returncode = 0  # or Popen would warn of a child that was forgotten
            self._living.clear()


def polled(children: Iterable[subprocess.Popen[bytes]]) -> list[tuple[int, int]]:
    """Pid and exit code of the children that have ended."""
    return [(child.pid, code) for child in children if (code := child.poll()) is not None]


def in_words(error: OSError) -> str:
    """What went wrong; of the many errors of a folder that could not be copied the first one says enough."""
    several = error.args[0] if isinstance(error, shutil.Error) and error.args else []
    return str(several[0][2]) if several else str(error)


def exit_words(code: int) -> str:
    """An exit code as words."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def size_of(path: Path) -> int:
    """Bytes of a file; 0 when it is missing."""
    return path.stat().st_size if path.exists() else 0


def last_lines(path: Path, start: int) -> list[str]:
    """The last lines of a log that were written after `start`."""
    size = size_of(path)
    if not size:
        return []
    with path.open("rb") as log:
        log.seek(max(size - LAST_BYTES, start if start <= size else 0))
        lines = log.read().decode(errors="replace").splitlines()
    return [line.strip() for line in lines if line.strip()][-LAST_LINES:]


def keep_below(path: Path, limit: int) -> None:
    """Move a log's content to `.1` when it is longer than `limit` bytes; what is written meanwhile may be lost."""
    if size_of(path) > limit:
        shutil.copyfile(path, path.with_name(f"{path.name}.1"))
        os.truncate(path, 0)
