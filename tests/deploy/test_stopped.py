"""The marks on ports that a person has stopped, on a real Redis."""

from deploy import stopped
from deploy.stopped import Stopped


def test_marks_are_read_by_port(redis_client):
    stopped.mark(redis_client, "acts", 8010, Stopped("ann", 5.0))
    stopped.mark(redis_client, "acts", 8001, Stopped("bob", 6.0, wanted=3))
    assert stopped.read(redis_client, "acts") == {8001: Stopped("bob", 6.0, 3), 8010: Stopped("ann", 5.0)}


def test_the_first_of_those_who_notice_a_stop_marks_it(redis_client):
    assert stopped.mark_unless_marked(redis_client, "acts", 8001, Stopped("ann", 5.0))
    assert not stopped.mark_unless_marked(redis_client, "acts", 8001, Stopped("bob", 6.0))
    assert stopped.read(redis_client, "acts") == {8001: Stopped("ann", 5.0)}


def test_a_forgotten_mark_is_gone_and_was_there_once(redis_client):
    stopped.mark(redis_client, "acts", 8001, Stopped("ann", 5.0))
    assert stopped.forget(redis_client, "acts", 8001)
    assert not stopped.forget(redis_client, "acts", 8001)
    assert stopped.read(redis_client, "acts") == {}


def test_no_marks_are_no_hash(redis_client):
    assert stopped.read(redis_client, "acts") == {}
