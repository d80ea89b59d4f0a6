import itertools
import math

import pytest

from deploy.runtime.base import KillFailed
from deploy.runtime.fake import Behaviour, FakeRuntime, World
from deploy.runtime.stopping import stop_containers, wait_for_none


@pytest.fixture
def runtime():
    """A runtime whose time goes by whenever somebody looks."""
    ticks = itertools.count(step=0.01)
    return FakeRuntime(World(clock=lambda: next(ticks)))


def test_all_end_also_those_that_hang_on_term(runtime):
    runtime.will(8001, Behaviour(ends_after_term=math.inf))
    for port in (8000, 8001):
        runtime.start(port, generation=1)
    stop_containers(runtime, grace=0.1)
    assert runtime.running() == []


def test_one_that_survives_is_told(runtime):
    runtime.will(8000, Behaviour(ends_after_term=math.inf, survives_kill=True))
    runtime.start(8000, generation=1)
    with pytest.raises(KillFailed):
        stop_containers(runtime, grace=0)


def test_where_nothing_runs_nobody_waits(runtime):
    wait_for_none(runtime, seconds=60)
