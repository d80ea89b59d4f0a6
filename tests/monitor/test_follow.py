"""Following what the deploy worker does: events as they come, until it is over."""

import json
import signal

import click
import pytest

from lb.events import Event, Kind, queue_event
from monitor.follow import INTERRUPTED, Follower
from monitor.session import Service


@pytest.fixture
def follower(redis_server, redis_client, tmp_path, monkeypatch):
    """Made after something had happened already."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    queue_event(redis_client, "acts", Event(Kind.HEALTHY, 8000, "long ago", "pytest"))
    return lambda **options: Follower(Service(), **options)


def test_what_has_happened_since_its_making_is_told_until_it_is_over(follower, redis_client, capsys):
    following, told = follower(as_json=False), ["one way", "one way", None]

    def progress():
        queue_event(redis_client, "acts", Event(Kind.REBALANCE, 8000, f"step {len(told)}", "pytest"))
        return told.pop(0)

    following.follow(progress, "it goes on")
    said = capsys.readouterr().out
    assert [f"step {n}" in said for n in (3, 2, 1)] == [True] * 3
    assert "long ago" not in said


def test_scripts_get_an_object_in_each_line(follower, redis_client, capsys):
    following = follower(as_json=True)
    queue_event(redis_client, "acts", Event(Kind.REBALANCE, 8000, "has moved", "pytest", extra={"to_node": "b"}))
    following.follow(lambda: None, "it goes on")
    following.tell("ready")
    event, line = map(json.loads, capsys.readouterr().out.splitlines())
    assert (event["reason"], event["to_node"]) == ("has moved", "b")
    assert line == {"line": "ready"}


def test_ctrl_c_ends_the_watching_and_says_what_goes_on(follower, capsys):
    def progress():
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(click.exceptions.Exit) as ended:
        follower(as_json=False).follow(progress, "it goes on")
    assert ended.value.exit_code == INTERRUPTED
    assert capsys.readouterr().err == "it goes on\n"
