"""Real processes that these tests start themselves. Nothing else on the machine is ever signalled here."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from helpers import eventually, free_port

from deploy.runtime import processes

FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group={group})
print(child.pid, flush=True)
time.sleep(600)
"""


MARK = "SESSION_OF_A_TEST=yes"


class Session:
    """A process that leads a session, and its child."""

    def __init__(self, group: str = "None") -> None:
        command = [sys.executable, "-c", FAMILY.format(group=group)]
        environment = {**os.environ, "SESSION_OF_A_TEST": "yes"}
        self.process = subprocess.Popen(
            command, env=environment, start_new_session=True, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.leader = self.process.pid
        self.child = int(self.process.stdout.readline())
        found = processes.stat(self.leader)
        assert found
        self.ticks = found.start_ticks

    def members(self) -> list[int]:
        return [member.pid for member in processes.members(self.leader, self.ticks, MARK)]

    def lives(self) -> bool:
        return processes.lives(self.leader, self.ticks)

    def end(self) -> None:
        assert processes.kill_session(self.leader, self.ticks, MARK, within=10)
        self.process.communicate()


@pytest.fixture
def session() -> Iterator[Session]:
    started = Session()
    yield started
    started.end()


def test_a_process_is_told_by_its_stat():
    own = processes.stat(os.getpid())
    assert own
    assert (own.pid, own.alive, own.session) == (os.getpid(), True, os.getsid(0))
    assert own.start_ticks > 0


def test_a_pid_that_nobody_has_is_nobody():
    assert processes.stat(2**22 + 1) is None
    assert processes.members(2**22 + 1, 1, MARK) == []
    assert not processes.lives(2**22 + 1, 1)


@pytest.mark.parametrize("leader", [0, 1, -1])
def test_the_session_of_the_kernel_and_of_init_is_nobodys(leader):
    """Asked only, never signalled: with these numbers a mistake would end the whole machine."""
    known = processes.stat(1)
    ticks = [0, 1, known.start_ticks if known else 2]
    assert [processes.members(leader, each, MARK) for each in ticks] == [[], [], []]
    assert [processes.lives(leader, each) for each in ticks] == [False, False, False]


def test_a_session_has_its_leader_and_the_children(session):
    assert session.members() == [session.leader, session.child]


def test_another_start_time_is_another_process(session):
    assert processes.members(session.leader, session.ticks + 1, MARK) == []
    assert not processes.lives(session.leader, session.ticks + 1)
    processes.signal_session(session.leader, session.ticks + 1, MARK, signal.SIGKILL)
    assert session.lives()


def test_children_belong_to_the_session_also_after_their_leader(session):
    session.process.kill()
    session.process.wait()
    assert session.members() == [session.child]
    assert not session.lives()


def test_without_its_leader_only_those_who_carry_the_mark_belong_to_a_session(session):
    """The number may have been another's meanwhile, who left a daemon behind."""
    assert len(processes.members(session.leader, session.ticks, "SESSION_OF_A_TEST=another")) == 2
    session.process.kill()
    session.process.wait()
    assert processes.members(session.leader, session.ticks, "SESSION_OF_A_TEST=another") == []
    assert session.members() == [session.child]


def test_a_dead_leader_that_nobody_has_collected_does_not_live(session):
    os.kill(session.child, signal.SIGKILL)
    os.kill(session.leader, signal.SIGKILL)
    eventually(lambda: not session.lives())
    eventually(lambda: session.members() == [])


@pytest.mark.parametrize("group", ["None", "0"])
def test_kill_ends_everybody_also_those_in_a_group_of_their_own(group):
    session = Session(group)
    assert processes.kill_session(session.leader, session.ticks, MARK, within=10)
    assert session.members() == []
    session.end()


def test_kill_ends_a_session_that_is_stopped(session):
    for pid in session.members():
        os.kill(pid, signal.SIGSTOP)
    assert processes.kill_session(session.leader, session.ticks, MARK, within=10)


def test_a_signal_reaches_everybody(session):
    processes.signal_session(session.leader, session.ticks, MARK, signal.SIGTERM)
    eventually(lambda: not session.lives())


def test_the_environment_of_a_process_can_be_read(session):
    assert processes.environment_of(session.leader)["PATH"] == os.environ["PATH"]
    assert processes.environment_of(2**22 + 1) == {}


def test_who_listens_on_a_port_is_told_by_name():
    with socket.create_server(("127.0.0.1", 0)) as server:
        told = processes.listener_of(server.getsockname()[1])
    assert told.endswith(f"(pid {os.getpid()})")


def test_nobody_who_can_be_seen_is_told_as_such():
    assert processes.listener_of(free_port()) == "a process that this account may not see"


def test_a_port_is_free_until_somebody_listens_on_it():
    port = free_port()
    assert processes.is_free("127.0.0.1", port)
    with socket.create_server(("127.0.0.1", port)):
        assert not processes.is_free("127.0.0.1", port)
    assert processes.is_free("127.0.0.1", port)
