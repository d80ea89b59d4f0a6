"""The stream of events: what is written is read back, in order, from where the reader left."""

import pytest
import redis

from lb.events import Event, Kind, event_of, events_key, fields_of, last, queue_event, read

LAUNCHED = Event(Kind.LAUNCHED, 8000, "first container", "autoscaler", seconds=0.25, extra={"image": "acts"})
DEGRADED = Event(Kind.DEGRADED, None, "Redis does not answer", "lb worker 1")


@pytest.mark.parametrize("event", [LAUNCHED, DEGRADED])
def test_an_event_survives_the_way_through_its_fields(event: Event) -> None:
    assert event_of("", fields_of(event)) == event


def test_an_extra_field_may_not_take_one_of_our_names() -> None:
    with pytest.raises(ValueError, match="port"):
        fields_of(Event(Kind.HELD, None, "", "", extra={"port": "1"}))


def test_a_reader_goes_on_after_the_last_one_it_saw(redis_client: redis.Redis) -> None:
    for reason in ("one", "two", "three"):
        queue_event(redis_client, "acts", Event(Kind.HELD, None, reason, "test"))
    first = read(redis_client, "acts", count=2)
    assert [event.reason for event in first] == ["one", "two"]
    assert [event.reason for event in read(redis_client, "acts", since=first[-1].id)] == ["three"]
    assert [event.reason for event in last(redis_client, "acts", 2)] == ["two", "three"]


def test_events_written_with_a_transaction_carry_the_time(redis_client: redis.Redis) -> None:
    with redis_client.pipeline() as pipe:
        queue_event(pipe, "acts", LAUNCHED)
        pipe.execute()
    (event,) = read(redis_client, "acts")
    seconds, _ = redis_client.time()
    assert abs(event.at - seconds) < 60


def test_kinds_of_a_newer_version_are_passed_over(redis_client: redis.Redis) -> None:
    redis_client.xadd(events_key("acts"), {"kind": "teleported", "reason": "", "who": ""})
    queue_event(redis_client, "acts", DEGRADED)
    assert [event.kind for event in read(redis_client, "acts")] == [Kind.DEGRADED]
