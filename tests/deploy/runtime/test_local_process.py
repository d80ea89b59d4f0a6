"""What the process runtime does beyond the contract: records, interrupted starts, logs, environment."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from helpers import eventually, free_port

from deploy.runtime import local_process
from deploy.runtime.base import Found, StartFailed
from deploy.runtime.local_process import LAST_LINES, LocalProcesses, exit_words, in_words, keep_below, last_lines
from deploy.runtime.records import Record
from deploy.settings import DeploySettings
from lb.settings import ServiceSettings

SLEEP = (sys.executable, "-c", "import time; time.sleep(600)")
FAMILY = (sys.executable, "-c", "import subprocess; subprocess.run(['sleep', '600'])")
TELL = (sys.executable, "-c", "import os; print(*[f'{k}={v}' for k, v in os.environ.items()], sep=chr(10))")


class Bench:
    """Runtimes on one state folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.opened: list[LocalProcesses] = []

    def open(self, command: tuple[str, ...] = SLEEP) -> LocalProcesses:
        service = ServiceSettings(first_port=self.port - 4)
        runtime = LocalProcesses(DeploySettings(service, state_dir=self.folder, command=command))
        self.opened.append(runtime)
        return runtime

    def record(self) -> Path:
        return self.folder / "containers" / f"{self.port}.json"

    def log(self) -> Path:
        return self.folder / "logs" / f"acts-{self.port}.log"

    def clean_up(self) -> None:
        runtime = self.open()
        for found in runtime.running():
            runtime.kill(found.runtime_id)
        for runtime in self.opened:
            runtime.close()


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.clean_up()


def interrupted(bench: Bench, found: Found) -> None:
    """As if whoever started it had died before it could write the record."""
    records = bench.open()._records
    records.write(Record(found.port, found.generation, records.boot, image=found.image))


def test_a_container_is_a_session_of_its_own(bench):
    found = bench.open().start(bench.port, generation=3)
    assert found.address == f"127.0.0.1:{bench.port}"
    assert os.getsid(found.pid) == found.pid


def test_a_container_whose_first_process_is_killed_is_dead_and_what_it_leaves_is_ended_by_the_next(bench):
    runtime = bench.open(FAMILY)
    found = runtime.start(bench.port, generation=1)
    child = eventually(lambda: next(iter(psutil.Process(found.pid).children()), None))
    os.kill(found.pid, signal.SIGKILL)
    eventually(lambda: not runtime.find(found.runtime_id).alive)
    assert child.is_running()
    assert runtime.start(bench.port, generation=2).pid != found.pid
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_container_is_told_its_port_and_number(bench):
    found = bench.open(TELL).start(bench.port, generation=3)
    runtime = bench.opened[0]
    eventually(lambda: not runtime.find(found.runtime_id).alive)
    told = bench.log().read_text().splitlines()
    assert f"PORT={bench.port}" in told
    assert "CONTAINER_NUMBER=5" in told


def test_a_start_that_was_interrupted_is_found_again(bench):
    found = bench.open().start(bench.port, generation=3)
    interrupted(bench, found)
    other = bench.open()
    assert other.running() == [found]
    assert other.start(bench.port, generation=9) == found


def test_an_interrupted_start_that_left_nothing_is_made_again(bench):
    runtime = bench.open()
    runtime._records.write(Record(bench.port, 3, runtime._records.boot))
    assert runtime.running() == []
    assert runtime.start(bench.port, generation=4).generation == 4


def test_an_intent_is_nobody_who_could_be_found_or_ended(bench):
    runtime = bench.open()
    runtime._records.write(Record(bench.port, 3, runtime._records.boot))
    assert runtime.find("0:0") is None
    runtime.terminate("0:0")
    runtime.kill("0:0")


def test_only_what_is_recorded_is_ended(bench):
    with subprocess.Popen(SLEEP, start_new_session=True) as stranger:
        ticks = local_process.processes.stat(stranger.pid).start_ticks
        runtime = bench.open()
        runtime.kill(f"{stranger.pid}:{ticks}")
        runtime.terminate(f"{stranger.pid}:{ticks}")
        assert stranger.poll() is None
        stranger.kill()


def test_a_record_whose_pid_was_given_to_somebody_else_is_nobodys(bench):
    runtime = bench.open()
    with subprocess.Popen(SLEEP, start_new_session=True) as stranger:
        ticks = local_process.processes.stat(stranger.pid).start_ticks
        stale = Record(bench.port, 3, runtime._records.boot, stranger.pid, ticks - 1)
        runtime._records.write(stale)
        assert runtime.running() == []
        runtime.kill(stale.runtime_id)
        assert stranger.poll() is None
        stranger.kill()


def test_a_broken_record_is_passed_over(bench):
    runtime = bench.open()
    bench.record().write_text("{")
    assert runtime.running() == []
    assert runtime.start(bench.port, generation=4).alive


def test_a_start_that_failed_leaves_no_record(bench):
    with pytest.raises(StartFailed, match=f"port {bench.port}: "):
        bench.open(("/no/such/program",)).start(bench.port, generation=1)
    assert not bench.record().exists()


def test_ended_children_are_collected(bench):
    runtime = bench.open()
    found = runtime.start(bench.port, generation=1)
    runtime.kill(found.runtime_id)
    with pytest.raises(ChildProcessError):
        os.waitpid(found.pid, os.WNOHANG)


def test_last_words_name_the_signal(bench):
    runtime = bench.open()
    found = runtime.start(bench.port, generation=1)
    os.kill(found.pid, signal.SIGSEGV)
    eventually(lambda: not runtime.find(found.runtime_id).alive)
    assert runtime.last_words(found.runtime_id).startswith("killed by SIGSEGV")


@pytest.mark.parametrize(("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "killed by SIGKILL")])
def test_exit_codes_are_words(code, words):
    assert exit_words(code) == words


def test_a_log_that_is_too_long_is_moved_aside_while_the_container_writes_on(bench):
    writer = "import time\nwhile True: print('x' * 99, flush=True); time.sleep(0.005)"
    runtime = bench.open((sys.executable, "-c", writer))
    runtime.start(bench.port, generation=1)
    eventually(lambda: bench.log().exists() and bench.log().stat().st_size > 1000)
    keep_below(bench.log(), limit=500)
    assert bench.log().with_name(f"{bench.log().name}.1").stat().st_size >= 1000
    eventually(lambda: bench.log().stat().st_size > 100)
    assert not bench.log().read_bytes().startswith(b"\0")  # as it would if it went on where it was


def test_a_short_log_is_left_alone(tmp_path):
    log = tmp_path / "log"
    log.write_text("short")
    keep_below(log, limit=500)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_the_last_lines_are_those_after_the_start(tmp_path):
    log = tmp_path / "log"
    log.write_text("before\n" + "\n".join(f"line {n}" for n in range(9)) + "\n\n")
    assert last_lines(log, 7) == [f"line {n}" for n in range(9)][-LAST_LINES:]
    assert last_lines(log, log.stat().st_size - 8) == ["line 8"]


def test_the_last_lines_of_a_log_that_was_moved_aside_are_those_that_are_left(tmp_path):
    log = tmp_path / "log"
    log.write_text("after\n")
    assert last_lines(log, 1_000_000) == ["after"]


def test_a_log_that_is_not_there_says_nothing(tmp_path):
    assert last_lines(tmp_path / "none", 0) == []


def test_binary_words_do_no_harm(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"\xff\xfe bad\n")
    assert last_lines(log, 0) == ["\ufffd\ufffd bad"]


def test_a_folder_that_cannot_be_copied_is_one_reason_and_not_a_hundred():
    several = shutil.Error([("a", "b", f"[Errno 28] No space left on device: {n}") for n in range(100)])
    assert in_words(several) == "[Errno 28] No space left on device: 0"
    assert in_words(OSError(13, "Permission denied")) == "[Errno 13] Permission denied"
