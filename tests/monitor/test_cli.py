"""`selfieless` as it is typed: a process of its own, a real Redis."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from helpers import eventually, free_port

from autoscaler import decision_log, override
from autoscaler.plan import Plan
from autoscaler.policy import Measured, Policy, decide
from deploy.container_state import State
from lb.events import Event, Kind, queue_event
from monitor.cli import cli

COMMAND = str(Path(sys.executable).parent / "selfieless")


@pytest.fixture
def run(redis_server, tmp_path, monkeypatch):
    """Runs a command in this process; the answer has output and exit_code."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    return lambda *words: CliRunner().invoke(cli, words, catch_exceptions=False)


@pytest.fixture
def type_in(redis_server, tmp_path):
    """Starts the installed command as a process of its own."""
    environment = {**os.environ, "REDIS_URL": redis_server.url, "STATE_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    started = []

    def begin(*words, **variables):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen([COMMAND, *words], env={**environment, **variables}, **pipes)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_help_names_every_command_and_what_it_is_for(run):
    answer = run("--help")
    assert answer.exit_code == 0
    for name in ("up", "status", "events", "why", "scale", "relaunch", "doctor", "backup", "restore"):
        assert f"  {name} " in answer.output
        assert run(name, "--help").exit_code == 0


def test_the_installed_command_shows_the_status(type_in, ward):
    ward.start(8000, 8001)
    process = type_in("status")
    output, complaint = process.communicate(timeout=30)
    assert (process.returncode, complaint) == (0, "")
    assert "Container number  Port  Status  Turn" in output
    assert "\x1b" not in output


def test_status_for_scripts_is_one_json_object(run, ward):
    ward.start(8000, 8001)
    facts = json.loads(run("status", "--json").output)
    assert [row["port"] for row in facts["containers"]] == [8000, 8001]


def test_a_watch_goes_on_until_ctrl_c_and_that_is_no_failure(type_in, ward):
    ward.start(8000)
    process = type_in("status", "--watch")
    assert "in the ring" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def tell(ward, *reasons):
    for reason in reasons:
        queue_event(ward.redis, "acts", Event(Kind.SICK, 8000, reason, "monitor"))


def test_events_shows_the_last_ones_oldest_first(run, ward):
    tell(ward, *(f"reason {n}" for n in range(30)))
    lines = run("events", "-n", "3").output.splitlines()
    assert [line.split("  ")[-2] for line in lines] == ["reason 27", "reason 28", "reason 29"]
    assert len(run("events").output.splitlines()) == 20


def test_events_for_scripts_is_one_json_object_in_each_line(run, ward):
    tell(ward, "answered 500", "refused")
    told = [json.loads(line) for line in run("events", "--json").output.splitlines()]
    assert [(event["kind"], event["port"], event["reason"]) for event in told] == [
        ("sick", 8000, "answered 500"),
        ("sick", 8000, "refused"),
    ]


def test_following_events_shows_what_happens_next(type_in, ward):
    tell(ward, "before")
    process = type_in("events", "--follow")
    assert "before" in process.stdout.readline()
    tell(ward, "after")
    assert "after" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0


def test_scale_fixes_the_number_and_auto_gives_it_back(run, ward):
    assert run("scale", "3").output == "Fixed at 3, until `selfieless scale auto`.\n"
    assert override.read(ward.redis, "acts").number == 3
    assert run("scale", "AUTO").output == "Requests decide again.\n"
    assert override.read(ward.redis, "acts").number is None


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["scale", "0"], "1 to 10 containers (MAX_CONTAINERS), not 0"),
        (["scale", "11"], "1 to 10 containers (MAX_CONTAINERS), not 11"),
        (["scale", "many"], "'many' is neither a number nor auto"),
        (["scale"], "Missing argument 'N|auto'"),
        (["relaunch", "http"], "'http' is not a valid integer"),
        (["events", "-n", "x"], "'x' is not a valid integer"),
        (["stat"], "No such command 'stat'"),
    ],
)
def test_a_wrong_command_is_told_what_is_wrong_with_it(run, redis_client, words, complaint):
    answer = run(*words)
    assert answer.exit_code == 2
    assert complaint in answer.output


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


@pytest.mark.parametrize("words", [["status"], ["events"], ["why"], ["scale", "2"], ["relaunch", "8000"]])
def test_without_a_running_service_one_sentence_names_the_variable_and_the_fix(run, monkeypatch, words):
    monkeypatch.setenv("REDIS_URL", f"redis://:secret@127.0.0.1:{free_port()}/0")
    answer = run(*words)
    assert answer.exit_code == 1
    assert answer.output.count("\n") == 1
    assert "REDIS_URL=redis://***@127.0.0.1" in answer.output
    assert "./deploy/up" in answer.output
    assert "secret" not in answer.output


@pytest.mark.parametrize(("name", "value"), [("REDIS_URL", "http://x"), ("MAX_CONTAINERS", "many")])
def test_a_wrong_variable_is_named(run, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    answer = run("status")
    assert answer.exit_code == 2
    assert name in answer.output


def test_the_doctor_looks_at_the_machine(run, monkeypatch):
    monkeypatch.setenv("LB_PORT", str(free_port()))
    monkeypatch.setenv("FIRST_PORT", str(free_port()))
    monkeypatch.setenv("MAX_CONTAINERS", "1")
    monkeypatch.setenv("ADMIN_PORT", str(free_port()))
    findings = json.loads(run("doctor", "--json").output)
    assert [one["grade"] for one in findings if one["name"] == "Python"] == ["good"]


def test_the_doctor_fails_when_something_required_is_missing(run, monkeypatch):
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    answer = run("doctor")
    assert answer.exit_code == 1
    assert "without REDIS_URL, up starts a server of its own" in answer.output


def test_a_reader_that_goes_away_ends_the_command_quietly(type_in, ward):
    tell(ward, *(f"reason {n}" for n in range(5)))
    process = type_in("events", "--follow")
    process.stdout.readline()
    process.stdout.close()
    tell(ward, *(f"more {n}" for n in range(5)))
    eventually(lambda: process.poll() is not None, within=10)
    assert "Traceback" not in process.stderr.read()


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_where_no_service_has_run_backup_and_restore_ask_for_the_store(run, tmp_path, monkeypatch, command):
    monkeypatch.delenv("ACTS_REDIS_URL", raising=False)
    answer = run(command, str(tmp_path / "acts.gz"))
    assert answer.exit_code == 2
    assert "--store" in answer.output
