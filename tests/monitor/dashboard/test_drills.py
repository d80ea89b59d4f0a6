import sys
from pathlib import Path

from helpers import eventually

from monitor.dashboard.drills import Drills

WRITES = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text(' '.join(sys.argv[2:]))"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit()); time.sleep(60)"


def test_fault_and_port_are_handed_on(tmp_path: Path) -> None:
    drills = Drills((sys.executable, "-c", WRITES, str(tmp_path / "said")))
    assert drills.begin("kill", 8001)
    eventually(lambda: not drills.running, within=20)
    assert (tmp_path / "said").read_text() == "kill 8001"
    assert drills.begin("redis", None)
    eventually(lambda: not drills.running, within=20)
    assert (tmp_path / "said").read_text() == "redis"


def test_there_is_one_at_a_time_and_one_that_does_not_end_is_ended() -> None:
    drills = Drills((sys.executable, "-c", STUBBORN), deadline=1.0)
    assert drills.begin("hang", 8000)
    assert not drills.begin("kill", 8000)
    eventually(lambda: not drills.running, within=30)


def test_one_that_cannot_be_started_does_not_block_the_next(tmp_path: Path) -> None:
    drills = Drills((str(tmp_path / "nowhere"),))
    assert drills.begin("kill", None)
    eventually(lambda: not drills.running)
    assert drills.begin("kill", None)
