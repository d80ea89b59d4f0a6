"""Whether a part is alive, by its signs of life in a real Redis."""

import os
import subprocess
import sys
import time

import pytest
import redis
from helpers import ROOT, free_port
from real_redis import RedisServer
from sick_servers import Server, response, says, served

from deploy.daemon_beat import Beat, queue_beat
from deploy.lease import Holder, Lease
from deploy.part_check import trouble_of, trouble_of_dashboard
from lb.heartbeat import WorkerBeat
from lb.heartbeat import queue_beat as queue_worker_beat
from lb.settings import ServiceSettings


@pytest.fixture
def service(redis_client: redis.Redis, redis_server: RedisServer) -> ServiceSettings:
    return ServiceSettings(redis_url=redis_server.url)


@pytest.mark.parametrize(("title", "who"), [("deploy worker", "deploy"), ("monitor", "monitor")])
def test_a_daemon_is_well_while_it_beats_from_here(redis_client, service, title, who) -> None:
    assert "no sign of life" in trouble_of({title}, service, "here")
    pipe = redis_client.pipeline()
    queue_beat(pipe, "acts", Beat(who, "here", 1, started=1.0, beat=2.0))
    pipe.execute()
    assert trouble_of({title}, service, "here") == ""
    assert "no sign of life" in trouble_of({title}, service, "elsewhere")


def test_a_daemon_that_stands_by_is_well(redis_client, service) -> None:
    for host in ("working", "waiting"):
        Lease(redis_client, "acts", "monitor", me=Holder(host, "pid:[1]", 1, 1)).may_work(time.time())
    assert trouble_of({"monitor"}, service, "waiting") == ""


def test_the_proxy_is_well_while_one_of_its_workers_beats(redis_client, service) -> None:
    assert "no sign of life" in trouble_of({"lb master", "lb worker 1"}, service, "here")
    pipe = redis_client.pipeline()
    for host in ("elsewhere", "here"):
        queue_worker_beat(pipe, "acts", WorkerBeat(host, host, 1, started=1.0, beat=2.0, ring_version=1))
    pipe.execute()
    assert trouble_of({"lb master", "lb worker 1"}, service, "here") == ""


def test_a_redis_that_is_away_makes_nobody_sick() -> None:
    away = ServiceSettings(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    assert trouble_of({"monitor"}, away) == ""


def test_a_redis_that_is_full_and_takes_no_sign_of_life_makes_nobody_sick(redis_client, service) -> None:
    redis_client.config_set("maxmemory", 1)
    try:
        assert trouble_of({"lb master", "lb worker 1"}, service, "here") == ""
    finally:
        redis_client.config_set("maxmemory", 0)
    assert "no sign of life" in trouble_of({"lb master", "lb worker 1"}, service, "here")


def test_a_dashboard_is_asked_itself() -> None:
    assert trouble_of_dashboard(free_port()) == "The dashboard does not answer."
    with served(Server(says(response("200 OK")))) as server:
        assert trouble_of_dashboard(server.port) == ""


def test_where_no_part_runs_that_is_said(service) -> None:
    assert trouble_of({"sh", "sleep 100"}, service) == "No part of the service runs here."


def test_a_wrong_variable_is_a_sentence() -> None:
    environment = {**os.environ, "FIRST_PORT": "first"}
    command = [sys.executable, "-m", "deploy.part_check"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert done.stdout.startswith("part_check: FIRST_PORT=first")
