"""What a full state Redis is told by, over a real one."""

import pytest

from deploy import state_memory
from deploy.state_memory import StateMemory


@pytest.mark.parametrize(
    ("used", "most", "full"), [(10, 0, False), (0, 0, False), (94, 100, False), (96, 100, True), (110, 100, True)]
)
def test_it_is_full_when_its_bound_is_near_and_never_without_one(used, most, full):
    assert StateMemory(used, most).is_full is full
    assert bool(StateMemory(used, most).trouble) is full


def test_the_trouble_names_numbers_and_what_to_do():
    assert StateMemory(385_000_000, 402_000_000).trouble == (
        "the state Redis is full (385 of 402 MB): requests go on, and nothing is scaled or relaunched. Give it more "
        "memory (STATE_MEMORY, or maxmemory of one of your own), or set COUNT_PRECISION=1"
    )


def test_a_redis_tells_what_it_uses_and_may_use(redis_client):
    assert state_memory.read(redis_client).most == 0
    redis_client.config_set("maxmemory", 1)
    try:
        full = state_memory.read(redis_client)
    finally:
        redis_client.config_set("maxmemory", 0)
    assert full.most == 1
    assert full.used > 100_000
    assert full.is_full
