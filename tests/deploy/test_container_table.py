import pytest
import redis

from deploy.container import Container
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.runtime.base import Found
from lb.events import Event, read
from lb.ring import Member, Ring, changed_channel, history, read_ring

NOW = 1_000_000.0
HOW = {"now": NOW, "reason": "a test", "by": "pytest"}


def run(table: ContainerTable, port: int = 8000) -> Container:
    """A container that is RUNNING."""
    added = table.add(port, **HOW)
    assert added
    running = table.move(added, State.RUNNING, address=f"127.0.0.1:{port}", runtime_id=f"id-{port}", **HOW)
    assert running
    return running


def kinds(client: redis.Redis) -> list[str]:
    return [event.kind.value for event in events(client)]


def events(client: redis.Redis) -> list[Event]:
    return read(client, "acts")


def test_an_added_container_is_starting_and_not_in_the_ring(table, redis_client):
    added = table.add(8001, **HOW)
    assert (added.number, added.state, added.status, added.created_at) == (2, State.STARTING, False, NOW)
    assert table.all() == [added] == [table.get(8001)]
    assert read_ring(redis_client, "acts") == Ring()
    assert kinds(redis_client) == ["launched"]


def test_a_port_is_added_once(table, redis_client):
    assert table.add(8000, **HOW)
    assert table.add(8000, **HOW) is None
    assert kinds(redis_client) == ["launched"]


def test_all_is_ordered_by_port(table):
    for port in (8002, 8000, 8001):
        table.add(port, **HOW)
    assert [container.port for container in table.all()] == [8000, 8001, 8002]


def test_a_container_joins_the_ring_when_it_is_running(table, redis_client):
    running = run(table)
    ring = read_ring(redis_client, "acts")
    assert ring.members == (Member(8000, "127.0.0.1:8000"),)
    assert ring.version == running.ring_version
    assert redis_client.hget("acts:container:8000", "status") == "True"


def test_the_first_version_is_the_time_and_then_it_counts(table, redis_client):
    run(table, 8000)
    assert read_ring(redis_client, "acts").version == NOW
    run(table, 8001)
    assert read_ring(redis_client, "acts").version == NOW + 1


@pytest.mark.parametrize("to", [State.SICK, State.DRAINING])
def test_a_container_leaves_the_ring_with_its_move(table, redis_client, to):
    before = run(table)
    left = table.move(before, to, **HOW)
    assert read_ring(redis_client, "acts") == Ring(before.ring_version + 1)
    assert (left.status, left.ring_version) == (False, before.ring_version + 1)
    assert redis_client.hget("acts:container:8000", "status") == "False"


def test_moves_outside_of_the_ring_leave_its_version_alone(table, redis_client):
    sick = table.move(run(table), State.SICK, **HOW)
    version = read_ring(redis_client, "acts").version
    table.move(sick, State.STARTING, **HOW)
    assert read_ring(redis_client, "acts").version == version


def test_every_change_of_the_ring_is_published_with_its_version_and_who_is_sick(table, redis_client):
    with redis_client.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe(changed_channel("acts"))
        subscription.get_message(timeout=1)
        table.move(run(table), State.SICK, **HOW)
        told = [subscription.get_message(timeout=1)["data"] for _ in range(2)]
    assert told == [str(int(NOW)), f"{int(NOW) + 1} sick 8000"]


def test_of_two_who_move_the_same_container_one_wins(table, redis_client):
    seen = run(table)
    assert table.move(seen, State.SICK, **HOW)
    assert table.move(seen, State.DRAINING, **HOW) is None
    assert table.get(8000).state is State.SICK
    assert kinds(redis_client) == ["launched", "healthy", "sick"]


def test_a_container_that_came_back_to_a_state_is_not_the_one_that_was_seen(table):
    seen = table.move(run(table), State.DRAINING, **HOW)
    table.move(table.move(seen, State.RUNNING, **HOW), State.DRAINING, **HOW)
    assert table.move(seen, State.STOPPING, **HOW) is None


def test_a_move_that_is_not_in_the_table_of_moves_is_a_mistake(table):
    running = run(table)
    with pytest.raises(ValueError, match="cannot go from running to stopping"):
        table.move(running, State.STOPPING, **HOW)


def test_every_start_has_a_new_generation_over_all_ports(table):
    first, second = table.add(8000, **HOW), table.add(8001, **HOW)
    sick = table.move(first, State.SICK, **HOW)
    again = table.move(sick, State.STARTING, **HOW)
    assert first.generation < second.generation < again.generation
    assert sick.generation == first.generation


def test_generations_after_a_lost_redis_lie_above_those_before(table, redis_client):
    before = table.add(8000, **HOW)
    redis_client.flushall()
    assert table.add(8000, **HOW | {"now": NOW + 10}).generation > before.generation


def test_a_port_that_was_removed_and_added_again_is_another_container(table):
    old = table.move(table.add(8000, **HOW), State.STOPPING, **HOW)
    assert table.remove(old, **HOW)
    table.move(table.add(8000, **HOW), State.STOPPING, **HOW)
    assert not table.remove(old, **HOW)


def test_only_a_stopping_container_is_removed(table):
    with pytest.raises(ValueError, match="running cannot be removed"):
        table.remove(run(table), **HOW)


def test_a_removed_container_leaves_nothing_behind(table, redis_client):
    stopping = table.move(table.move(run(table), State.DRAINING, **HOW), State.STOPPING, **HOW)
    assert table.remove(stopping, **HOW)
    assert table.all() == []
    assert not redis_client.exists("acts:container:8000", "acts:containers", "acts:ring")
    assert kinds(redis_client) == ["launched", "healthy", "drained", "stopped"]


def test_an_update_changes_fields_of_the_container_that_was_seen_and_no_other(table):
    seen = table.add(8000, **HOW)
    assert table.update(seen, runtime_id="x").runtime_id == "x"
    table.move(seen, State.SICK, **HOW)
    assert table.update(seen, runtime_id="y") is None
    assert table.get(8000).runtime_id == "x"


def test_an_amendment_makes_those_lose_who_saw_it_before(table, redis_client):
    seen = table.move(table.move(run(table), State.DRAINING, successor="v2", **HOW), State.STOPPING, **HOW)
    with redis_client.pubsub() as heard:
        heard.subscribe("acts:wake:deploy")
        heard.get_message(timeout=1)
        amended = table.amend(seen, successor="")
        assert heard.get_message(timeout=1), "the launcher is woken"
    assert (amended.state, amended.since, amended.moves) == (seen.state, seen.since, seen.moves + 1)
    assert table.move(seen, State.STARTING, **HOW) is None
    assert table.update(seen, deadline=1.0) is None
    assert table.amend(seen, successor="v3") is None
    assert table.remove(amended, **HOW)


def test_an_update_of_a_running_container_keeps_the_ring_in_step(table, redis_client):
    table.update(run(table), address="127.0.0.1:9999")
    assert read_ring(redis_client, "acts").members == (Member(8000, "127.0.0.1:9999"),)


@pytest.mark.parametrize("name", ["state", "moves", "generation", "colour"])
def test_fields_that_are_not_the_callers_cannot_be_set(table, name):
    with pytest.raises(ValueError, match=name):
        table.update(table.add(8000, **HOW), **{name: "x"})


def test_an_adopted_container_keeps_its_generation_and_is_probed_before_it_joins(table, redis_client):
    found = Found("42:17", 8000, "127.0.0.1:8000", alive=True, generation=7, pid=42)
    adopted = table.add(8000, adopted=found, **HOW)
    assert (adopted.generation, adopted.runtime_id, adopted.pid) == (7, "42:17", 42)
    assert (adopted.state, adopted.address) == (State.STARTING, "127.0.0.1:8000")
    assert kinds(redis_client) == ["adopted"]
    assert table.add(8001, **HOW).generation > 7


def test_healthy_tells_how_long_it_was_out_of_the_ring(table, redis_client):
    sick = table.move(run(table), State.SICK, **HOW | {"now": NOW + 100})
    started = table.move(sick, State.STARTING, **HOW | {"now": NOW + 101})
    table.move(started, State.RUNNING, **HOW | {"now": NOW + 102.5})
    assert [(e.kind.value, e.seconds) for e in events(redis_client)][-3:] == [
        ("sick", None),
        ("relaunched", 1.0),
        ("healthy", 2.5),
    ]


def test_events_name_port_reason_and_who(table, redis_client):
    table.add(8000, now=NOW, reason="20 requests in 120 s", by="autoscaler")
    event = events(redis_client)[0]
    assert (event.port, event.reason, event.who) == (8000, "20 requests in 120 s", "autoscaler")


def test_an_event_that_changed_the_ring_names_the_version_it_made(table, redis_client):
    run(table)
    table.move(table.get(8000), State.SICK, **HOW)
    told = [(event.kind.value, event.extra.get("ring_version")) for event in events(redis_client)]
    versions = [str(ring.version) for _, ring in history(redis_client, "acts")]
    assert told == [("launched", None), ("healthy", versions[0]), ("sick", versions[1])]


def test_a_move_wakes_the_deploy_worker_and_an_update_does_not(table, redis_client):
    with redis_client.pubsub(ignore_subscribe_messages=True) as subscription:
        subscription.subscribe("acts:wake:deploy")
        subscription.get_message(timeout=1)
        added = table.add(8000, **HOW)
        assert subscription.get_message(timeout=1)
        table.update(added, pid=1)
        assert not subscription.get_message(timeout=0.05)


def test_the_row_reads_well_in_redis_cli(table, redis_client):
    run(table)
    row = redis_client.hgetall("acts:container:8000")
    assert (row["number"], row["port"], row["status"], row["state"]) == ("1", "8000", "True", "running")
    assert row["since"] == "1000000.000"


def test_services_on_one_redis_do_not_see_each_other(redis_client, table):
    other = ContainerTable(redis_client, type(table._service)(name="other"))
    run(table)
    assert other.all() == []
    assert read_ring(redis_client, "other") == Ring()
