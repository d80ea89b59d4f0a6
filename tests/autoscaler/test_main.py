"""The autoscaler as a process of its own, on a real Redis."""

import os
import signal
import subprocess
import sys

import psutil
import pytest
from helpers import eventually, title_of
from shifted_clock import shifted

from autoscaler import compared, decision_log, override
from deploy.daemon_beat import read as read_beat
from lb import request_window
from lb.clock import redis_time
from lb.settings import ServiceSettings


@pytest.fixture
def start(redis_server, redis_client):
    """Starts autoscalers, and ends those that a test leaves."""
    started = []
    compared.mark(redis_client, "acts", 1.0)

    def begin(clock=0, **variables):
        environment = {**os.environ, "REDIS_URL": redis_server.url, **variables}
        command = [*(shifted(clock) if clock else (sys.executable, "-m")), "autoscaler"]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def ports(client):
    return client.zrange("acts:containers", 0, -1)


def test_it_ticks_by_itself_and_ends_on_term(start, redis_client):
    process = start()
    assert eventually(lambda: ports(redis_client) == ["8000"], within=15)
    assert read_beat(redis_client, "acts", "autoscaler").pid == process.pid
    assert title_of(psutil.Process(process.pid)).startswith("autoscaler")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_it_obeys_the_operator_without_being_restarted(start, redis_client):
    start()
    eventually(lambda: ports(redis_client), within=15)
    override.set_number(redis_client, ServiceSettings(), 3, "ann")
    assert eventually(lambda: ports(redis_client) == ["8000", "8001", "8002"])


def test_another_goes_on_where_a_killed_one_was(start, redis_client):
    first = start()
    eventually(lambda: ports(redis_client), within=15)
    first.kill()
    first.wait(10)
    second = start()
    assert eventually(lambda: read_beat(redis_client, "acts", "autoscaler").pid == second.pid, within=15)
    assert ports(redis_client) == ["8000"]


@pytest.mark.parametrize(
    ("name", "value"), [("WINDOW_SECONDS", "-5"), ("REDIS_URL", "http://x"), ("MAX_CONTAINERS", "many")]
)
def test_a_wrong_variable_is_one_sentence_that_names_it(start, name, value):
    process = start(**{name: value})
    complaint = process.communicate(timeout=15)[1]
    assert process.returncode == 2
    assert len(complaint.splitlines()) == 1
    assert name in complaint


@pytest.mark.parametrize("seconds", [+100, -100])
def test_one_whose_clock_is_wrong_counts_and_decides_right(start, redis_client, seconds):
    now = redis_time(redis_client)
    for number in range(20):
        request_window.record(redis_client, "acts", f"new:{number}", now)
        request_window.record(redis_client, "acts", f"old:{number}", now - 60)
    start(clock=seconds, WINDOW_SECONDS="50")
    assert eventually(lambda: ports(redis_client) == ["8000", "8001"], within=15)
    decision = decision_log.last_before(redis_client, "acts", redis_time(redis_client))[0]
    assert (decision.count, decision.wanted) == (20, 2)
    assert abs(decision.at - redis_time(redis_client)) < 15
