"""`why --request` and `audit` as they are typed; what they read is written by what the proxy writes with."""

import json
import time

import pytest
from ring_writer import replace_ring

from autoscaler import decision_log
from autoscaler.plan import Plan
from autoscaler.policy import Measured, Policy, decide
from deploy.container_state import State
from deploy.daemon_beat import Beat, queue_beat
from lb.counters import PortCounts
from lb.heartbeat import WorkerBeat
from lb.heartbeat import queue_beat as queue_worker_beat
from lb.ledger import Ledger
from lb.request_id import RequestId, encode
from lb.retries import Retry, command_of
from monitor.audit import Audit
from monitor.why_commands import audit_as_json


@pytest.fixture
def version(redis_client):
    """The version of a ring of three."""
    addresses = {port: f"127.0.0.1:{port}" for port in (8000, 8001, 8002)}
    return replace_ring(redis_client, "acts", addresses, time.time())


def name_of(version: int, turn: int) -> str:
    return encode(RequestId(int(time.time() * 1000), "1fa2b3c4", version, turn))


def test_a_request_is_explained_by_its_name(run, redis_client, version):
    name = name_of(version, 7)
    redis_client.execute_command(*command_of("acts", Retry(name, 9, version, 8001, 8002, "answered 500")))
    answer = run("why", "--request", name)
    assert answer.exit_code == 0
    assert "7 mod 3 is 1: container 2 on port 8001." in answer.output
    assert "8001 answered 500; with turn 9" in answer.output
    facts = json.loads(run("why", "--request", name, "--json").output)
    assert (facts["first_port"], facts["port"], facts["attempts"]) == (8001, 8002, 2)


def test_a_name_that_a_client_brought_is_refused_in_a_sentence(run, version):
    answer = run("why", "--request", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
    assert answer.exit_code == 1
    assert "its client brought it" in answer.output


def route(redis_client, version: int, counts: dict[int, int], first: int, end: int) -> None:
    """A worker routes these turns, and tells that each container had so many."""
    ports = {}
    ledger = Ledger("1fa2b3c4", ports, time.time())
    for port, number in counts.items():
        ports[port] = PortCounts()
        ports[port].routed = number
    ledger.add(first, end)
    redis_client.execute_command(*ledger.close("acts", version, time.time()))


def test_an_exact_round_robin_passes_the_audit(run, redis_client, version):
    route(redis_client, version, {8000: 4, 8001: 3, 8002: 3}, 0, 10)
    answer = run("audit")
    assert answer.exit_code == 0
    assert "10 turns of 1 workers checked: deviation 0." in answer.output
    assert json.loads(run("audit", "--json").output)["exact"] is True


def test_a_deviation_fails_the_audit_and_is_shown_where_it_is(run, redis_client, version):
    route(redis_client, version, {8000: 3, 8001: 4, 8002: 3}, 0, 10)
    answer = run("audit")
    assert answer.exit_code == 1
    assert "-1" in answer.output
    assert "+1" in answer.output
    assert "not balanced as the turns say" in answer.output


def begin_anew(redis_client) -> None:
    """The service is started on a Redis that has gone on: its parts are younger than what that remembers.

    A worker of the start before was killed a moment ago.
    """
    now, pipe = time.time(), redis_client.pipeline()
    for who in ("deploy", "monitor"):
        queue_beat(pipe, "acts", Beat(who, "host", 1, started=now, beat=now + 4))  # they go on beating
    killed = WorkerBeat("1fa2b3c4", "host", 1, started=now - 60, beat=now - 1, ring_version=1)
    queue_worker_beat(pipe, "acts", killed)
    pipe.execute()


def test_turns_of_the_start_before_are_told_and_not_compared(run, redis_client, version):
    route(redis_client, version, {8000: 9, 8001: 1, 8002: 0}, 0, 10)
    begin_anew(redis_client)
    answer = run("audit")
    assert answer.exit_code == 1
    assert "no request was balanced since the service was started 2 s ago" in answer.output
    route(redis_client, version, {8000: 1, 8001: 1, 8002: 1}, 10, 13)
    answer = run("audit")
    assert answer.exit_code == 0
    assert "3 turns of 1 workers checked: deviation 0." in answer.output
    assert "10 were claimed before the service was started, and not checked." in answer.output


def test_scripts_are_told_how_many_turns_were_of_the_start_before():
    assert audit_as_json(Audit({}, {}, before=10))["before"] == 10


def test_an_audit_of_nothing_says_so(run, redis_client):
    answer = run("audit")
    assert answer.exit_code == 1
    assert "no request was balanced in that time" in answer.output


def decide_each_second(ward, *counts, began):
    history, pipe = {1: began - 1}, ward.redis.pipeline()
    for second, count in enumerate(counts):
        decision, history = decide(Measured(began + second, count, 500.0, 1), history, Policy())
        states = {8000 + n: State.RUNNING for n in range(decision.target)}
        decision_log.queue_append(pipe, "acts", decision_log.entry_for(decision, states, Plan()))
    pipe.execute()


def test_why_tells_what_made_the_number(run, ward):
    decide_each_second(ward, 0, 0, 41, 41, began=time.time() - 4)
    answer = run("why").output
    assert answer.startswith("3 containers since ")
    assert "because 41 requests came in the two minutes before (20 per container, so 3)." in answer


def test_why_tells_about_another_time(run, ward):
    decide_each_second(ward, *[0] * 30, *[41] * 30, began=time.time() - 60)
    assert run("why", "--at", "40s").output.startswith("1 container since before ")
    assert run("why", "--at", "10s").output.startswith("3 containers since ")


def test_why_without_a_journal_says_so(run, redis_client):
    answer = run("why")
    assert answer.exit_code == 1
    assert "has written nothing down" in answer.output
    assert run("why", "--at", "soon").exit_code == 2
