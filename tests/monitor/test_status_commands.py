"""`status` and `events` as they are typed: processes of their own, a real Redis."""

import json
import signal

from helpers import eventually

from lb.events import Event, Kind, queue_event


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


def test_a_reader_that_goes_away_ends_the_command_quietly(type_in, ward):
    tell(ward, *(f"reason {n}" for n in range(5)))
    process = type_in("events", "--follow")
    process.stdout.readline()
    process.stdout.close()
    tell(ward, *(f"more {n}" for n in range(5)))
    eventually(lambda: process.poll() is not None, within=10)
    assert "Traceback" not in process.stderr.read()
