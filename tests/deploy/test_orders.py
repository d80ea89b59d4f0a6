import pytest
from shifted_clock import run_shifted

from deploy.container_state import State
from lb.clock import redis_time
from lb.events import read
from lb.ring import read_ring

WHO = {"reason": "a test", "by": "pytest"}


def put(table, clock, *states: State):
    """A container on 8000 that went through these states after STARTING."""
    how = {"now": clock(), **WHO}
    container = table.add(8000, **how)
    for state in states:
        container = table.move(container, state, address="127.0.0.1:8000", **how)
    return container


def test_launch_adds_the_container_and_queues_its_job(orders, table, jobs):
    assert orders.launch(8000, **WHO)
    assert table.get(8000).state is State.STARTING
    assert jobs.noted == [("launch", 8000)]


def test_only_one_launch_of_a_port_wins(orders, jobs):
    assert [orders.launch(8000, **WHO) for _ in range(3)] == [True, False, False]
    assert jobs.noted == [("launch", 8000)]


def test_stop_drains_a_container_that_receives_traffic(orders, table, jobs, clock, redis_client):
    put(table, clock, State.RUNNING)
    assert orders.stop(8000, **WHO)
    assert table.get(8000).state is State.DRAINING
    assert read_ring(redis_client, "acts").members == ()
    assert jobs.noted == [("stop", 8000)]


@pytest.mark.parametrize("states", [(), (State.SICK,), (State.FAILED,)])
def test_stop_ends_a_container_without_traffic_at_once(orders, table, jobs, clock, states):
    put(table, clock, *states)
    assert orders.stop(8000, **WHO)
    assert table.get(8000).state is State.STOPPING


@pytest.mark.parametrize("states", [(State.RUNNING, State.DRAINING), (State.STOPPING,)])
def test_stop_of_a_container_that_goes_already_wins_nothing(orders, table, jobs, clock, states):
    put(table, clock, *states)
    assert not orders.stop(8000, **WHO)
    assert jobs.noted == []


def test_relaunch_takes_a_running_container_out_of_the_ring_as_sick(orders, table, jobs, clock, redis_client):
    put(table, clock, State.RUNNING)
    clock.pass_by(60)
    assert orders.relaunch(8000, **WHO)
    assert table.get(8000).state is State.SICK
    assert table.get(8000).next_try_at == clock()
    assert read_ring(redis_client, "acts").members == ()
    assert jobs.noted == [("relaunch_port", 8000)]


def test_relaunch_revives_a_failed_container_with_all_its_attempts(orders, table, jobs, clock):
    failed = put(table, clock, State.FAILED)
    table.update(failed, attempts=6)
    assert orders.relaunch(8000, **WHO)
    again = table.get(8000)
    assert (again.state, again.attempts) == (State.STARTING, 0)
    assert again.generation > failed.generation
    assert jobs.noted == [("relaunch_port", 8000)]


@pytest.mark.parametrize("states", [(), (State.SICK,), (State.RUNNING, State.DRAINING), (State.STOPPING,)])
def test_relaunch_of_a_container_that_is_on_its_way_wins_nothing(orders, table, jobs, clock, states):
    put(table, clock, *states)
    assert not orders.relaunch(8000, **WHO)
    assert jobs.noted == []


def test_two_who_order_a_relaunch_make_one(orders, table, jobs, clock):
    put(table, clock, State.RUNNING)
    assert [orders.relaunch(8000, **WHO) for _ in range(2)] == [True, False]
    assert len(jobs.noted) == 1


def test_a_container_that_is_sick_again_and_again_waits(orders, table, clock):
    container = put(table, clock, State.RUNNING)
    waits = []
    for _ in range(5):
        orders.relaunch(8000, **WHO)
        container = table.get(8000)
        waits.append(container.next_try_at - clock())
        starting = table.move(container, State.STARTING, now=clock(), **WHO)
        table.move(starting, State.RUNNING, now=clock(), **WHO)
    assert waits == [0, 0, 0.5, 1, 2]


def test_take_back_puts_a_draining_container_into_the_ring_again(orders, table, jobs, clock, redis_client):
    put(table, clock, State.RUNNING, State.DRAINING)
    assert orders.take_back(8000, **WHO)
    assert [member.port for member in read_ring(redis_client, "acts").members] == [8000]
    assert read(redis_client, "acts")[-1].kind == "healthy"


@pytest.mark.parametrize("states", [(), (State.RUNNING,), (State.SICK,)])
def test_only_a_draining_container_is_taken_back(orders, table, clock, states):
    put(table, clock, *states)
    assert not orders.take_back(8000, **WHO)


@pytest.mark.parametrize("order", ["stop", "relaunch", "take_back"])
def test_an_order_for_a_port_that_nobody_has_wins_nothing(orders, jobs, order):
    assert not getattr(orders, order)(8000, **WHO)
    assert jobs.noted == []


LAUNCHES = """
from deploy.orders import Orders
from lb.redis_client import connect
from lb.settings import ServiceSettings
service = ServiceSettings(redis_url={url!r})
print(Orders.open(connect(service.redis_url), service).launch(8000, "a test", "pytest"))
"""


def test_orders_are_dated_by_the_clock_of_redis(redis_server, redis_client, table):
    before = redis_time(redis_client)
    assert run_shifted(-3600, LAUNCHES.format(url=redis_server.url)) == "True\n"
    container = table.get(8000)
    assert before - 0.1 < container.since < redis_time(redis_client) + 0.1
    assert before - 0.1 < container.created_at < redis_time(redis_client) + 0.1


def test_a_replacement_may_have_a_place_which_one_that_is_taken_back_forgets(orders, table, clock):
    put(table, clock, State.RUNNING)
    assert table.update(table.get(8000), image="v1")
    assert orders.replace(8000, **WHO, place="node2")
    assert (table.get(8000).successor, table.get(8000).place) == ("v1", "node2")
    assert orders.take_back(8000, **WHO)
    assert (table.get(8000).successor, table.get(8000).place) == ("", "")
