"""The service on three Swarm nodes: the journey, exact shares, and what is left when a node is lost or cut off."""

import base64
import json
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from helpers import eventually
from swarm_nodes import Node, swarm_nodes
from swarm_stack import STACK, Account, Stack, images, kept, shares

from deploy.machine.disk_guard import RESERVE

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
ACT = {"actId": 1, "username": "ann", "timestamp": "24-12-2025:30-15-18", "caption": "Planted an oak"}
ACT |= {"categoryName": "trees", "imgB64": PNG}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The stack, deployed on three nodes of its own, with three containers."""
    with swarm_nodes(furnish=images, kept=kept()) as testbed:
        one = Stack(testbed)
        one.prepare()
        one.deploy()
        eventually(lambda: all(one.serves(node) for node in one.nodes), within=90, every=0.5)
        scaled(one, 3)
        yield one


def scaled(stack: Stack, number: int, among: list[Node] | None = None) -> None:
    """Fix the number of containers, and wait until so many serve, and no other one is left."""
    nodes = among or stack.nodes
    said = stack.selfieless("scale", str(number), among=nodes)
    assert said, "no deploy worker has heard it"
    stack.settled(number, among=nodes)
    eventually(lambda: running(stack, nodes) == list(range(8000, 8000 + number)), within=60, every=0.3)


def spread(stack: Stack) -> None:
    """Have six containers, some of them on each node: new ones are placed where there are fewer."""
    scaled(stack, 3)
    scaled(stack, 6)


def running(stack: Stack, nodes: list[Node]) -> list[int]:
    """The ports of all acts containers that really run on these nodes, sorted; a port stands there for each of them."""
    return sorted(port for node in nodes for port in stack.acts(node))


def is_even(answered: Counter[int], containers: int) -> bool:
    """Whether each container has got its share, to one request."""
    return len(answered) == containers and max(answered.values()) - min(answered.values()) <= 1


def test_what_is_shared_through_one_node_is_seen_through_the_others(stack: Stack) -> None:
    first, second, third = stack.nodes
    account = {"username": "ann", "password": "0" * 40}
    assert stack.request(first, "POST", "/api/v1/users", json=account).status_code == 201
    assert stack.request(second, "POST", "/api/v1/categories", json=["trees"]).status_code == 201
    assert stack.request(third, "POST", "/api/v1/acts", json=ACT).status_code == 201
    for node in stack.nodes:
        (act,) = stack.request(node, "GET", "/api/v1/categories/trees/acts").json()
        assert base64.b64decode(act["imgB64"]) == base64.b64decode(PNG)
        assert "Planted an oak" in stack.request(node, "GET", "/").text


def test_requests_through_all_nodes_take_turns_as_if_through_one(stack: Stack) -> None:
    turns = [stack.request(stack.nodes[n % 3], "GET", "/api/v1/acts/count").headers["X-Served-By"] for n in range(9)]
    cycle = turns[:3]
    assert sorted(cycle) == ["1", "2", "3"]
    assert turns == cycle * 3


def test_room_on_the_disk_is_kept_for_the_acts_store(stack: Stack) -> None:
    look = "import os, pathlib; print(*(os.stat(f).st_blocks * 512 for f in pathlib.Path('/store').rglob('*.aof')))"
    taken = lambda: [0, *map(int, stack.inside("disk", "python3", "-c", look).split())]  # noqa: E731
    eventually(lambda: max(taken()) >= RESERVE * 3 // 4, within=30, every=0.5)


def test_the_state_redis_refuses_what_is_new_before_it_would_be_killed(stack: Stack) -> None:
    assert stack.redis("config", "get", "maxmemory")[1] == str(512 * 2**20 // 4 * 3)


def test_status_names_the_node_of_each_container(stack: Stack) -> None:
    rows = json.loads(stack.selfieless("status", "--json"))["containers"]
    really = {port: node.name for node in stack.nodes for port in stack.acts(node)}
    assert {row["port"]: row["node"] for row in rows} == really
    assert "Node" in stack.selfieless("status")


def test_thirty_thousand_requests_over_three_proxies_are_shared_to_one(stack: Stack) -> None:
    began = time.monotonic()
    answered = shares(stack.nodes, 10_000)
    print(f"  {dict(sorted(answered.items()))} in {time.monotonic() - began:.0f} s")
    assert answered.total() == 30_000
    assert is_even(answered, 3)


def test_containers_come_and_go_on_all_nodes_and_no_request_notices(stack: Stack) -> None:
    with stack.traffic(stack.nodes) as account:
        began = time.monotonic()
        scaled(stack, 6)
        up = time.monotonic() - began
        placed = {node.name: len(stack.acts(node)) for node in stack.nodes}
        scaled(stack, 1)
    print(f"  1 → 6 after {up:.1f} s ({placed}), → 1 after {time.monotonic() - began - up:.1f} s")
    nothing_lost(stack, account)


def nothing_lost(stack: Stack, account: Account) -> None:
    """Assert that every request was answered well, and what was made is there, once."""
    assert len(account.sent) > 300
    assert not account.lost("GET") + account.lost("POST"), account
    posts_are_exact(stack, account)


def posts_are_exact(stack: Stack, account: Account) -> None:
    """Assert that no POST was sent twice, and that whatever was answered well is there."""
    assert account.sent_twice == []
    there = set(stack.request(stack.nodes[0], "GET", "/api/v1/categories").json())
    assert account.made() - there == set()


def test_a_node_that_takes_containers_again_gets_its_share_by_rebalance_and_no_request_notices(stack: Stack) -> None:
    first, *_, empty = stack.nodes
    scaled(stack, 1)
    first.docker("node", "update", "--availability", "pause", empty.name)
    scaled(stack, 6)
    stays = stack.acts(empty)
    first.docker("node", "update", "--availability", "active", empty.name)
    before = {node.name: len(stack.acts(node)) for node in stack.nodes}
    assert max(before.values()) - min(before.values()) > 1, "it is even already"
    with stack.traffic(stack.nodes) as account:
        began = time.monotonic()
        said = stack.selfieless("rebalance")
        took = time.monotonic() - began
        eventually(lambda: running(stack, stack.nodes) == list(range(8000, 8006)), within=60, every=0.3)
    after = {node.name: len(stack.acts(node)) for node in stack.nodes}
    print(f"  {before} → {after} after {took:.1f} s")
    assert after == {node.name: 2 for node in stack.nodes}, said
    assert set(stays) <= set(stack.acts(empty))
    assert "The spread is even (node1 2, node2 2, node3 2)" in said
    assert len(stack.ring()) == 6
    nothing_lost(stack, account)


def test_the_parts_are_updated_one_by_one_and_who_takes_another_node_meanwhile_loses_nothing(stack: Stack) -> None:
    scaled(stack, 3)
    with stack.roaming() as account:
        for part in ("lb", "deploy"):
            began = time.monotonic()
            stack.nodes[0].docker("service", "update", "--detach=false", "--quiet", "--force", f"{STACK}_{part}")
            print(f"  {part} updated in {time.monotonic() - began:.0f} s")
    nothing_lost(stack, account)
    eventually(lambda: is_even(shares(stack.nodes, 200), 3), within=30)


def one_without_redis(stack: Stack) -> Node:
    """A node on which neither Redis runs, with an acts container at least."""
    holds = {node.name for part in ("redis-state", "redis-acts") for node, _ in stack.where(part)}
    return next(node for node in reversed(stack.nodes) if node.name not in holds)


def test_a_node_that_is_cut_off_and_comes_back_leaves_no_container_double_and_no_turn_lost(stack: Stack) -> None:
    spread(stack)
    away = one_without_redis(stack)
    others = [node for node in stack.nodes if node is not away]
    there = stack.acts(away)
    assert there, "nothing runs on the node that is to be cut off"
    with stack.traffic(others) as account:
        began = time.monotonic()
        with away.partitioned():
            eventually(lambda: elsewhere(stack, others, 6), within=150, every=0.5)
            print(f"  cut off with {there}: all 6 run on the others after {time.monotonic() - began:.1f} s")
        began = time.monotonic()
        eventually(lambda: running(stack, stack.nodes) == list(range(8000, 8006)), within=150, every=0.5)
        print(f"  back: each container runs once after {time.monotonic() - began:.1f} s")
    assert not account.lost("GET"), account
    posts_are_exact(stack, account)
    began = time.monotonic()
    eventually(lambda: stack.serves(away), within=150, every=0.5)
    print(f"  its own proxy serves after another {time.monotonic() - began:.1f} s")
    eventually(lambda: len(set(stack.ring().values())) == 6, within=60, every=0.3)
    eventually(lambda: is_even(shares(stack.nodes, 200), 6), within=60)


def elsewhere(stack: Stack, others: list[Node], number: int) -> bool:
    """Whether so many containers serve and all of them run on these nodes, each once."""
    return running(stack, others) == list(range(8000, 8000 + number)) and len(stack.ring(others)) == number


def test_a_node_that_loses_power_costs_no_get_and_its_containers_run_elsewhere(stack: Stack) -> None:
    spread(stack)
    victim = one_without_redis(stack)
    others = [node for node in stack.nodes if node is not victim]
    there = stack.acts(victim)
    assert there, "nothing runs on the node that is to be killed"
    with stack.traffic(others) as account:
        began = time.monotonic()
        victim.cut_power()
        eventually(lambda: not set(there) & set(stack.ring(others)), within=60, every=0.2)
        left = time.monotonic() - began
        eventually(lambda: elsewhere(stack, others, 6), within=150, every=0.5)
        print(f"  {there} left the ring after {left:.1f} s, served elsewhere after {time.monotonic() - began:.1f} s")
    assert not account.lost("GET"), account
    posts_are_exact(stack, account)
