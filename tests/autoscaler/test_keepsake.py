from autoscaler import override
from autoscaler.keepsake import what_was_ordered
from deploy import stopped
from deploy.stopped import Stopped
from lb.events import Kind, read


def ordered(world):
    return [event.reason for event in read(world.redis, "acts") if event.kind is Kind.ORDERED]


def test_a_fixed_number_and_a_stopped_port_outlive_a_redis_that_lost_everything(world):
    override.set_number(world.redis, world.service, 3, "ann", world.now)
    stopped.mark(world.redis, "acts", 8002, Stopped("ann", world.now))
    world.scaler.tick(world.now)
    before = stopped.read(world.redis, "acts")
    world.redis.flushall()
    decision = world.scaler.tick(world.now + 1)
    assert decision.target == 3
    assert override.read(world.redis, "acts").number == 3
    assert stopped.read(world.redis, "acts") == before
    assert ordered(world) == [
        "the state Redis has lost everything; what persons had ordered holds on: 3 containers, by ann, 8002 stays empty"
    ]


def test_what_a_person_says_after_the_loss_counts_and_not_what_was_before(world):
    override.set_number(world.redis, world.service, 3, "ann", world.now)
    world.scaler.tick(world.now)
    world.redis.flushall()
    override.set_number(world.redis, world.service, 2, "ann", world.now)
    assert world.scaler.tick(world.now + 1).target == 2


def test_automatic_stays_automatic_and_is_not_worth_an_event(world):
    override.set_number(world.redis, world.service, None, "ann", world.now)
    world.scaler.tick(world.now)
    world.redis.flushall()
    world.scaler.tick(world.now + 1)
    assert override.read(world.redis, "acts").number is None
    assert ordered(world) == []


def test_what_was_taken_back_before_the_loss_does_not_come_back(world):
    override.set_number(world.redis, world.service, 3, "ann", world.now)
    world.scaler.tick(world.now)
    override.set_number(world.redis, world.service, None, "ann", world.now)
    world.scaler.tick(world.now + 1)
    world.redis.flushall()
    world.scaler.tick(world.now + 2)
    assert override.read(world.redis, "acts").number is None


def test_nothing_ordered_is_no_words():
    assert what_was_ordered({"by": "ann", "at": "1"}, {}) == ""
