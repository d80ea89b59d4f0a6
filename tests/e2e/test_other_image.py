"""Somebody else's image under our balancer, on an engine that dies and comes back."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from docker_images import build, make_base
from helpers import ROOT, eventually
from own_engine import OwnEngine, own_engine
from running_service import RunningService, running_service, served_by

pytestmark = pytest.mark.docker

DOCKERFILE = 'FROM {base}\nCOPY other_service.py /\nUSER 65534\nCMD ["python3", "/other_service.py"]\n'


@pytest.fixture(scope="module")
def engine() -> Iterator[OwnEngine]:
    """An engine with the image; its containers go on while it is away."""
    with own_engine() as engine:
        engine.start("--live-restore")
        with closing(engine.api()) as api:
            make_base(api)
            build(api, "slf-other", DOCKERFILE, [ROOT / "tests" / "other_service.py"])
        yield engine


@pytest.fixture(scope="module")
def service(engine: OwnEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """The service over that image, two containers fixed."""
    told = tmp_path_factory.mktemp("other") / "greeting.env"
    told.write_text("# for the containers\nGREETING=hello\n")
    image = {"SERVICE_IMAGE": "slf-other", "SERVICE_PORT": "9000", "SERVICE_ENV_FILE": str(told)}
    rules = {"SERVICE_NAME": "other", "HEALTH_PATH": "/ok", "COUNT_PREFIX": "/work", "STABILIZATION_SECONDS": "4"}
    with running_service(DOCKER_HOST=engine.host, RUNTIME="auto", **image, **rules) as running:
        yield running


def ids(engine: OwnEngine) -> set[str]:
    """The containers that run."""
    with closing(engine.api()) as api:
        return {one["Id"] for one in api.containers()}


def ring(service: RunningService) -> list[str]:
    """The ports in the ring."""
    with service.redis() as client:
        return sorted(client.hkeys("other:ring"))


def fixed(service: RunningService, number: int) -> None:
    """So many containers, all in the ring."""
    service.command("scale", str(number))
    eventually(lambda: len(ring(service)) == number, within=40)


def test_any_image_is_served_as_it_is_made_without_powers_on_its_own_port(service: RunningService) -> None:
    assert service.variable("RUNTIME") == "docker"
    assert service.get("/work").text == "hello from 65534"
    assert service.get("/nothing").status_code == 404


def test_its_own_requests_are_counted_and_scale_it(service: RunningService) -> None:
    for _ in range(30):
        service.get("/elsewhere")
    assert len(ring(service)) == 1
    for _ in range(20):
        service.get("/work")
    eventually(lambda: len(ring(service)) == 2, within=30)
    assert set(served_by([service.get("/ok") for _ in range(4)])) == {1, 2}


def test_while_the_engine_is_away_requests_go_on_and_everything_else_waits(
    service: RunningService, engine: OwnEngine
) -> None:
    fixed(service, 2)
    before = ids(engine)
    engine.kill()
    eventually(lambda: "the Docker engine does not answer" in service.command("status"), within=20)
    assert "degraded" in service.command("events")
    service.command("scale", "3")
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        assert [service.get("/ok").status_code for _ in range(10)] == [200] * 10
    assert len(ring(service)) == 2
    engine.start("--live-restore")
    eventually(lambda: len(ring(service)) == 3, within=40)
    assert before < ids(engine), "those that went on are still the same"
    eventually(lambda: "what runs can be seen again" in service.command("events"), within=20)


def test_containers_that_ended_with_their_engine_are_started_again(service: RunningService, engine: OwnEngine) -> None:
    fixed(service, 2)
    eventually(lambda: len(ids(engine)) == 2, within=30)
    before = ids(engine)
    engine.kill()
    engine.start()  # without --live-restore an engine ends what it finds running
    eventually(lambda: len(ring(service)) == 2 and len(ids(engine) - before) == 2, within=60)
    eventually(lambda: service.get("/ok").status_code == 200, within=20)
    assert set(served_by([service.get("/ok") for _ in range(4)])) == {1, 2}


def test_a_frozen_engine_holds_up_no_request(service: RunningService, engine: OwnEngine) -> None:
    fixed(service, 2)
    assert engine.daemon
    engine.daemon.send_signal(19)
    try:
        assert [service.get("/ok").status_code for _ in range(50)] == [200] * 50
        assert len(ring(service)) == 2
    finally:
        engine.daemon.send_signal(18)


def test_the_state_folder_says_which_containers_are_whose(service: RunningService, engine: OwnEngine) -> None:
    with closing(engine.api()) as api:
        states = {one["Labels"]["selfieless.state"] for one in api.containers()}
    assert states == {str(Path(service.state_dir))}
