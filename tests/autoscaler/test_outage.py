"""Outages are said once and told when they are over."""

import logging

from autoscaler.outage import Outage
from lb.events import Kind


def test_an_outage_is_said_once_however_long_it_is(caplog):
    outage = Outage("autoscaler", "nothing is scaled")
    with caplog.at_level(logging.WARNING):
        for second in range(5):
            outage.struck(100.0 + second, ConnectionError("refused"))
    assert [record.getMessage() for record in caplog.records] == [
        "holding: the Redis of REDIS_URL cannot be used (refused); nothing is scaled"
    ]


def test_a_recovery_tells_how_long_it_was_and_what_was_left_undone():
    outage = Outage("monitor", "nothing is relaunched")
    outage.struck(100.0, ConnectionError())
    outage.struck(107.0, ConnectionError())
    told = outage.recovery(112.0)
    assert (told.kind, told.who, told.seconds) == (Kind.RECOVERED, "monitor", 12.0)
    assert told.reason == "Redis could not be used for 12 s; nothing is relaunched meanwhile"


def test_without_an_outage_there_is_nothing_to_tell():
    outage = Outage("monitor", "nothing is relaunched")
    assert outage.recovery(5.0) is None
    assert not outage.lasted_until_now
    outage.struck(6.0, ConnectionError())
    assert outage.lasted_until_now
    outage.over()
    assert not outage.lasted_until_now
    assert outage.recovery(7.0) is None
