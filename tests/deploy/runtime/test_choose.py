import os
from dataclasses import replace

import pytest
from docker_images import BASE
from environs import EnvError

from deploy.runtime import choose
from deploy.runtime.choose import AUTO, OPENERS, Unavailable, choose_runtime, first_of, fitting, image_outlook
from deploy.runtime.docker_settings import DockerSettings
from deploy.runtime.fake import FakeRuntime, World
from deploy.settings import DeploySettings


def settings(tmp_path, runtime: str) -> DeploySettings:
    return DeploySettings(runtime=runtime, state_dir=tmp_path)


def test_a_runtime_that_is_named_is_taken(tmp_path):
    runtime, why = choose_runtime(settings(tmp_path, "process"))
    assert runtime.name == "process"
    assert why == "Containers are run by: process (RUNTIME says so)."


def test_auto_takes_one_that_can_be_opened_and_says_which(tmp_path):
    runtime, why = choose_runtime(settings(tmp_path, "auto"))
    assert runtime.name in AUTO
    assert why.startswith(f"Containers are run by: {runtime.name}")
    assert "\n" not in why


def test_what_this_version_does_not_have_is_refused_in_a_sentence_that_names_the_variable(tmp_path):
    with pytest.raises(EnvError, match=r"RUNTIME=jails: this version does not have it; it has auto, docker, process"):
        choose_runtime(settings(tmp_path, "jails"))


def test_docker_is_refused_in_a_sentence_where_no_engine_answers(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(EnvError, match=r"^RUNTIME=docker: no Docker engine answers at unix://.*nobody\.sock"):
        choose_runtime(settings(tmp_path, "docker"))


def test_a_swarm_is_refused_in_a_sentence_where_no_engine_answers(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(EnvError, match=r"^RUNTIME=swarm: no Docker engine answers at unix://.*nobody\.sock"):
        choose_runtime(settings(tmp_path, "swarm"))


@pytest.mark.docker
def test_docker_is_refused_where_the_image_is_not_there_yet(docker_api, tmp_path):
    unbuilt = DeploySettings(runtime="docker", state_dir=tmp_path, docker=DockerSettings(image="acts:never-built"))
    with pytest.raises(EnvError, match=r"^RUNTIME=docker: the engine has no image acts:never-built yet"):
        choose_runtime(unbuilt)


@pytest.mark.docker
def test_an_image_that_is_there_is_taken_as_it_is(docker_api, tmp_path):
    told: list[str] = []
    ready = DeploySettings(runtime="docker", state_dir=tmp_path, docker=DockerSettings(image=BASE))
    runtime, why = choose_runtime(ready, told.append)
    assert (runtime.name, told) == ("docker", [])
    assert why == "Containers are run by: docker (RUNTIME says so)."
    runtime.close()


def refuse(_settings, _tell):
    raise Unavailable("no engine answers")


def fake(_settings, _tell):
    return FakeRuntime(World(lambda: 0.0))


def test_auto_passes_over_what_cannot_be_opened_and_says_why(tmp_path):
    openers = {"engine": refuse, "fake": fake}
    runtime, why = first_of(("engine", "fake"), settings(tmp_path, "auto"), openers=openers)
    assert runtime.name == "fake"
    assert why == "Containers are run by: fake (not engine: no engine answers)."


def test_when_nothing_can_be_opened_every_reason_is_told(tmp_path):
    with pytest.raises(Unavailable, match=r"^RUNTIME=auto: not engine: no engine answers\.$"):
        first_of(("engine",), settings(tmp_path, "auto"), openers={"engine": refuse})


def test_a_command_is_run_by_a_process_and_an_image_by_an_engine(tmp_path):
    plain = settings(tmp_path, "auto")
    assert fitting(plain) == AUTO
    assert fitting(replace(plain, command=("serve",))) == ("process",)
    assert fitting(replace(plain, docker=DockerSettings(image="nginx"))) == ("docker",)
    assert fitting(replace(plain, docker=DockerSettings(image="acts:2"))) == AUTO


def test_without_an_engine_auto_takes_processes_and_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    runtime, why = choose_runtime(settings(tmp_path, "auto"), lambda line: None)
    assert runtime.name == "process"
    assert why.startswith("Containers are run by: process (not docker: no Docker engine answers at unix://")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_a_store_that_containers_cannot_reach_is_told_before_anything_is_started(tmp_path, monkeypatch, host):
    monkeypatch.setenv("ACTS_REDIS_URL", f"redis://{host}:6379/0")
    with pytest.raises(EnvError, match=r"^RUNTIME=docker: containers cannot reach .* ACTS_REDIS_URL"):
        choose_runtime(settings(tmp_path, "docker"))
    assert choose_runtime(settings(tmp_path, "auto"))[0].name == "process"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's containers have another account than root's")
def test_a_key_that_containers_may_not_read_is_told_before_anything_is_started(tmp_path, monkeypatch):
    key = tmp_path / "client.key"
    key.write_text("a key")
    key.chmod(0o600)
    monkeypatch.setenv("ACTS_REDIS_URL", f"rediss://redis.example:6379/0?ssl_keyfile={key}&ssl_certfile={key}")
    with pytest.raises(EnvError, match=r"^RUNTIME=docker: containers may not read .*client.key, .*: chgrp 10001 "):
        choose_runtime(settings(tmp_path, "docker"))


@pytest.mark.docker
def test_auto_takes_an_engine_that_has_the_image(docker_api, tmp_path):
    docker_api.tag(BASE, "acts", "ready-made")
    try:
        ready = DeploySettings(state_dir=tmp_path, docker=DockerSettings(image="acts:ready-made"))
        runtime, why = choose_runtime(ready)
        assert (runtime.name, why) == ("docker", "Containers are run by: docker.")
        runtime.close()
    finally:
        docker_api.remove_image("acts:ready-made")


@pytest.mark.docker
def test_auto_takes_processes_where_the_image_cannot_be_had_and_docker_says_so(docker_api, tmp_path):
    baseless = DockerSettings(image="acts:never-built", base_image="nobody.invalid/base:1")
    told: list[str] = []
    runtime, why = choose_runtime(DeploySettings(state_dir=tmp_path, docker=baseless), told.append)
    assert runtime.name == "process"
    assert why.startswith("Containers are run by: process (not docker: the image nobody.invalid/base:1 is not there")
    assert told[0].startswith("Fetching the image nobody.invalid/base:1")
    with pytest.raises(EnvError, match=r"^RUNTIME=docker: the image nobody\.invalid/base:1 is not there and cannot"):
        choose_runtime(DeploySettings(runtime="docker", state_dir=tmp_path, docker=baseless), told.append)


def test_without_an_engine_there_is_nothing_to_say_about_images(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    assert image_outlook(DockerSettings()) is None


@pytest.mark.docker
@pytest.mark.parametrize(
    ("docker", "there", "words"),
    [
        (DockerSettings(image=BASE), True, f"{BASE} is there"),
        (DockerSettings(image="nobody/x:1"), False, "nobody/x:1 is to be fetched from its registry"),
        (DockerSettings(image="acts:no", base_image=BASE), True, f"acts:no is to be built on {BASE}, which is there"),
        (DockerSettings(image="acts:no", base_image="no/b:1"), False, "on no/b:1, which is to be fetched"),
    ],
)
def test_whether_an_image_can_be_had_is_told_without_trying(docker_api, docker, there, words):
    found, told = image_outlook(docker)
    assert found is there
    assert words in told
    assert told.startswith("engine ")


def test_everything_that_auto_may_take_can_be_named_too():
    assert set(AUTO) <= set(OPENERS)
    assert choose.AUTO[-1] == "process"  # the one that needs nothing comes last
