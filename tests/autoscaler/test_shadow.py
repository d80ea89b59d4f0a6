"""The policy that nobody acts on, on a real Redis."""

from autoscaler import decision_log, override
from autoscaler.policy import Policy
from autoscaler.scaler import Scaler
from autoscaler.shadow import ShadowPolicy
from deploy.container_state import State

CAREFUL = Policy(requests_per_container=10, stabilization=5)


def with_shadow(world) -> None:
    shadow = ShadowPolicy(world.redis, "acts", CAREFUL)
    world.scaler = Scaler(world.redis, world.service, world.policy, world.table, world.orders, shadow=shadow)


def last(world) -> decision_log.Entry:
    return decision_log.last_before(world.redis, "acts", world.now + 1)[0]


def test_a_shadow_is_written_down_and_never_acted_on(world):
    with_shadow(world)
    world.live(1)
    world.come(35)
    world.live(2)
    entry = last(world)
    assert (entry.target, entry.shadow.target, entry.shadow.policy) == (2, 4, CAREFUL)
    assert world.ports(State.RUNNING) == [8000, 8001]


def test_a_shadow_goes_on_from_its_own_containers(world):
    with_shadow(world)
    world.live(130)
    world.come(35)
    world.live(1)
    world.live(130)
    targets = [(entry.at, entry.shadow.target) for entry in decision_log.read(world.redis, "acts", world.now - 131)]
    assert [target for _, target in targets][:2] == [4, 4]
    assert targets[-1][1] == 1  # its stabilization is 5 s: down long before the policy in force
    assert last(world).target == 2


def test_the_operators_number_is_not_the_shadows(world):
    with_shadow(world)
    world.live(1)
    override.set_number(world.redis, world.service, 5, "ann")
    world.live(1)
    assert (last(world).target, last(world).shadow.target) == (5, 1)


def test_a_shadow_with_a_longer_window_counts_all_of_it(world):
    shadow = ShadowPolicy(world.redis, "acts", Policy(window=600))
    world.scaler = Scaler(world.redis, world.service, world.policy, world.table, world.orders, shadow=shadow)
    world.live(1)
    world.come(45)
    world.live(300)
    entry = last(world)
    assert (entry.count, entry.shadow.wanted) == (0, 3)
