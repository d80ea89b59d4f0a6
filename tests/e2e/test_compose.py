"""The service in containers, through compose: the journey, what is healed, who may do what, and what is left."""

import base64
import hashlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from compose_project import Project
from docker_images import engine
from helpers import eventually

from deploy.machine.disk_guard import RESERVE

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
ANN = ("ann", hashlib.sha1(b"correct horse").hexdigest())
CHECK = ("python3", "-m", "deploy.part_check")
ASK = """
import http.client, socket, sys
class Engine(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/engine/engine.sock")
for asked in sys.argv[1:]:
    engine = Engine("engine", timeout=10)
    engine.request(*asked.split())
    print(engine.getresponse().status)
"""

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A running project with one account, one category and one act."""
    api = engine()
    one = Project(tmp_path_factory.mktemp("compose"), api)
    try:
        one.prepare()
        one.up()
        share_an_act(one)
        yield one
    finally:
        one.down()
        remains = one.remains()
        one.remove_images()
        api.close()
    assert remains == []


def share_an_act(project: Project) -> None:
    """The journey of somebody who comes for the first time."""
    act = {"actId": 1, "username": "ann", "timestamp": "24-12-2025:30-15-18", "caption": "Planted an oak"}
    act |= {"categoryName": "trees", "imgB64": PNG}
    account = {"username": ANN[0], "password": ANN[1]}
    assert project.request("POST", "/api/v1/users", json=account).status_code == 201
    assert project.request("POST", "/api/v1/categories", json=["trees"], auth=ANN).status_code == 201
    assert project.request("POST", "/api/v1/acts", json=act, auth=ANN).status_code == 201


def scaled(project: Project, number: int) -> None:
    """Fix the number of containers, and wait until so many serve."""
    project.selfieless("scale", str(number))
    eventually(lambda: len(project.ring()) == number, within=60, every=0.2)


def serves(project: Project) -> bool:
    return project.get("/api/v1/_health").status_code == 200


def test_what_was_shared_is_seen_by_everybody(project: Project) -> None:
    (act,) = project.get("/api/v1/categories/trees/acts").json()
    assert act["caption"] == "Planted an oak"
    assert base64.b64decode(act["imgB64"]).startswith(b"\x89PNG")
    assert "Planted an oak" in project.get("/").text


def test_room_on_the_disk_is_kept_for_the_acts_store(project: Project) -> None:
    look = "import os, pathlib; print(*(os.stat(f).st_blocks * 512 for f in pathlib.Path('/store').rglob('*.aof')))"
    taken = lambda: project.inside("disk", "python3", "-c", look)  # noqa: E731
    eventually(lambda: max(map(int, taken().split())) >= RESERVE * 3 // 4, within=20, every=0.2)


def test_containers_are_served_in_turn(project: Project) -> None:
    scaled(project, 2)
    turns = [project.get("/api/v1/acts/count").headers["X-Served-By"] for _ in range(6)]
    assert turns in (["1", "2"] * 3, ["2", "1"] * 3)


def test_a_crashed_container_is_replaced_on_its_own_port(project: Project) -> None:
    before = {one["Id"] for one in project.acts()}
    crash = f"http://127.0.0.1:{project.first_port}/api/v1/_crash"
    assert requests.post(crash, timeout=10).status_code == 403  # looks like the gateway, as a stranger might
    token = project.inside("lb", "cat", "/var/lib/selfieless/crash_token").strip()
    assert requests.post(crash, headers={"X-Crash-Token": token}, timeout=10).status_code == 200
    eventually(lambda: {one["Id"] for one in project.acts()} - before, within=30)
    eventually(lambda: project.first_port in project.ring(), within=30, every=0.5)
    assert "answered 500" in project.selfieless("events")


@pytest.mark.parametrize("part", ["lb", "deploy", "monitor", "autoscaler", "engine-proxy"])
def test_a_part_that_is_killed_comes_back(project: Project, part: str) -> None:
    before = project.inspect(part)["State"]
    os.kill(before["Pid"], signal.SIGKILL)

    def state() -> Any:
        return project.inspect(part)["State"]

    eventually(lambda: state()["Running"] and state()["StartedAt"] != before["StartedAt"], within=30)
    eventually(lambda: serves(project), within=30)


def test_a_state_redis_that_is_killed_is_rebuilt_from_what_runs(project: Project) -> None:
    before = {one["Id"] for one in project.acts()}
    os.kill(project.inspect("redis-state")["State"]["Pid"], signal.SIGKILL)
    eventually(lambda: len(project.ring()) == len(before), within=40, every=0.2)
    eventually(lambda: serves(project), within=30)
    assert {one["Id"] for one in project.acts()} == before


def test_the_monitor_may_ask_the_engine_and_order_nothing(project: Project) -> None:
    runtime_id = project.acts()[0]["Id"]
    asked = {
        "GET /v1.41/containers/json": 200,
        f"GET /v1.41/containers/{runtime_id}/json": 200,
        f"GET /v1.41/containers/{runtime_id}/archive?path=/etc/passwd": 403,
        f"GET /v1.41/containers/{runtime_id}/../../info": 403,
        f"GET /v1.41/containers/{runtime_id}/%2e%2e/%2e%2e/info": 403,
        "GET /v1.41/info": 403,
        "POST /v1.41/containers/create": 403,
        f"POST /v1.41/containers/{runtime_id}/kill": 403,
        f"DELETE /v1.41/containers/{runtime_id}": 403,
    }
    answers = project.inside("monitor", "python3", "-c", ASK, *asked).split()
    assert dict(zip(asked, map(int, answers), strict=True)) == asked


def test_only_the_proxy_is_open_to_the_world(project: Project) -> None:
    published = {
        (port["IP"], port["PublicPort"])
        for one in project.containers()
        for port in one["Ports"]
        if "PublicPort" in port
    }
    assert {port for address, port in published if address != "127.0.0.1"} == {project.lb_port}


def test_the_dashboard_wants_the_token(project: Project) -> None:
    url = f"http://127.0.0.1:{project.admin_port}"
    assert requests.get(url, timeout=10).status_code == 401
    token = project.inside("dashboard", "cat", "/var/lib/selfieless/admin_token").strip()
    assert requests.get(url, auth=("me", token), timeout=10).status_code == 200


def test_nobody_has_powers_and_nothing_can_be_written_but_where_it_must(project: Project) -> None:
    for part in ("lb", "deploy", "monitor", "autoscaler", "dashboard", "redis-state", "redis-acts", "engine-proxy"):
        confined = project.inspect(part)["HostConfig"]
        assert (part, confined["CapDrop"], confined["ReadonlyRootfs"]) == (part, ["ALL"], True)
        assert "no-new-privileges:true" in confined["SecurityOpt"]
        assert confined["PidsLimit"]
        assert confined["Memory"]


def test_every_part_finds_itself_well(project: Project) -> None:
    for part in ("lb", "deploy", "monitor", "autoscaler", "dashboard"):
        eventually(lambda part=part: "It is well." in project.inside(part, *CHECK), within=20, every=0.2)


def test_what_was_shared_outlives_down_and_up_and_no_container_does(project: Project) -> None:
    project.compose("down", "--remove-orphans")
    assert project.containers() == []
    project.up()
    assert project.get("/api/v1/categories/trees/acts/size").json() == [1]
