import pytest

from deploy.draining import acknowledged, what_holds_back
from lb.heartbeat import WorkerBeat


def worker(version: int, in_flight: dict[int, int] | None = None) -> WorkerBeat:
    return WorkerBeat("w", "host", 1, started=0, beat=0, ring_version=version, in_flight=in_flight or {})


@pytest.mark.parametrize(
    ("beats", "expected"),
    [
        ([], True),  # nobody forwards anything
        ([worker(7)], True),
        ([worker(8)], True),  # a later version is not older news
        ([worker(6)], False),  # may still route to it
        ([worker(7, {8000: 1})], False),
        ([worker(7, {8001: 5})], True),  # what others have in flight does not matter
        ([worker(7), worker(6)], False),
        ([worker(7), worker(7, {8000: 2})], False),
        ([worker(6, {8000: 2})], False),
    ],
)
def test_a_container_is_drained_when_every_worker_has_let_go_of_it(beats, expected):
    assert acknowledged(beats, version=7, port=8000) is expected


def test_what_holds_a_container_back_is_told_in_numbers():
    beats = [worker(7, {8000: 2}), worker(6, {8000: 1}), worker(6), worker(7)]
    told = what_holds_back(beats, version=7, port=8000)
    assert told == "3 requests in flight, 2 workers had not acted on version 7 of the ring"
