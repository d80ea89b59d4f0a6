"""Who wanted a container to end, read off the engine's events; and that a real engine tells them so."""

import threading

import pytest
from docker import APIClient
from docker_images import BASE
from helpers import eventually

from deploy.runtime.docker_events import CHANGES, asked_to_end, listen, remembered, was_asked_to_end

LABEL = "selfieless.test=events"
CHANGES_OF_OURS = {"event": list(CHANGES), "label": [LABEL]}


def history(*events: str) -> list[dict]:
    """Events as the engine tells them: start, stop, die, or kill:SIGNAL."""
    parts = (event.partition(":") for event in events)
    return [{"Action": action, "Actor": {"Attributes": {"signal": signal}}} for action, _, signal in parts]


@pytest.mark.parametrize(
    ("events", "asked"),
    [
        ([], False),
        (["start"], False),
        (["start", "die"], False),  # a crash
        (["start", "kill:9", "die"], False),  # docker kill, docker rm -f
        (["start", "kill:1"], False),  # a HUP asks for something else
        (["start", "kill:15"], True),  # docker stop, while it waits
        (["start", "kill:15", "die", "stop"], True),
        (["start", "kill:15", "kill:9", "die", "stop"], True),  # it was deaf to TERM
        (["start", "kill:3", "die", "stop"], True),  # an image with a STOPSIGNAL of its own
        (["start", "kill:15", "die", "stop", "start", "restart"], False),  # docker restart
        (["start", "kill:15", "die", "stop", "start", "die"], False),  # and later a crash
    ],
)
def test_a_polite_signal_after_the_last_start_is_a_wish_and_anything_else_is_a_fault(events, asked):
    assert was_asked_to_end(history(*events)) is asked


@pytest.fixture
def sleeper(docker_api: APIClient):
    made = docker_api.create_container(BASE, ["sleep", "60"], labels={"selfieless.test": "events"})["Id"]
    docker_api.start(made)
    yield made
    docker_api.remove_container(made, force=True)


@pytest.mark.docker
def test_the_engine_remembers_what_a_container_was_told(docker_api, sleeper):
    docker_api.kill(sleeper, "SIGTERM")
    told = remembered(docker_api, container=sleeper, event=["start", "kill"])
    actions = [(event["Action"], event["Actor"]["Attributes"].get("signal")) for event in told]
    assert actions == [("start", None), ("kill", "15")]
    assert asked_to_end(docker_api, sleeper)


@pytest.mark.docker
def test_changes_are_heard_also_when_nobody_has_died(docker_api, sleeper):
    heard: list[int] = []
    until = threading.Event()
    arguments = (docker_api, CHANGES_OF_OURS, lambda: heard.append(1), until)
    threading.Thread(target=listen, args=arguments, daemon=True).start()
    eventually(lambda: heard)
    before = len(heard)
    docker_api.pause(sleeper)
    eventually(lambda: len(heard) > before)
    until.set()


@pytest.mark.docker
def test_when_an_end_is_heard_the_engines_list_tells_it_too(docker_api, sleeper):
    alive: list[int] = []
    until = threading.Event()
    of_ours = {"label": [LABEL]}
    arguments = (docker_api, CHANGES_OF_OURS, lambda: alive.append(len(docker_api.containers(filters=of_ours))), until)
    threading.Thread(target=listen, args=arguments, daemon=True).start()
    eventually(lambda: alive == [1])
    docker_api.kill(sleeper)
    eventually(lambda: alive[1:] and alive[-1] == 0)
    until.set()
