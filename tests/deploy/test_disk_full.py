"""What is said of a full disk, over a real Redis."""

from deploy import disk_full
from lb import events


def told(client):
    return [(event.kind, event.reason, event.seconds) for event in events.last(client, "acts")]


def test_it_is_said_as_often_as_one_likes_and_is_one_event(redis_client):
    for now in (100.0, 101.0, 102.0):
        disk_full.say(redis_client, "acts", "no room", "up", now)
    assert disk_full.read(redis_client, "acts") == disk_full.DiskFull("no room", 100.0)
    assert told(redis_client) == [("degraded", "no room", None)]


def test_that_there_is_room_again_is_told_with_how_long_there_was_none(redis_client):
    disk_full.say(redis_client, "acts", "no room", "up", 100.0)
    for now in (142.0, 143.0):
        disk_full.take_back(redis_client, "acts", "up", now)
    assert disk_full.read(redis_client, "acts") is None
    assert [(kind, seconds) for kind, _, seconds in told(redis_client)] == [("degraded", None), ("recovered", 42.0)]


def test_it_is_forgotten_when_nobody_says_it_any_more(redis_client):
    disk_full.say(redis_client, "acts", "no room", "up", 100.0)
    assert 0 < redis_client.ttl(disk_full.disk_key("acts")) <= disk_full.TTL_SECONDS
