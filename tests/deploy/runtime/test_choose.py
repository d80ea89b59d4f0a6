import pytest
from docker_images import BASE
from environs import EnvError

from deploy.runtime import choose
from deploy.runtime.choose import AUTO, OPENERS, Unavailable, choose_runtime, first_of
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
    with pytest.raises(EnvError, match=r"RUNTIME=swarm: this version does not have it; it has auto, docker, process"):
        choose_runtime(settings(tmp_path, "swarm"))


def test_docker_is_refused_in_a_sentence_where_no_engine_answers(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(EnvError, match=r"^RUNTIME=docker: no Docker engine answers at unix://.*nobody\.sock"):
        choose_runtime(settings(tmp_path, "docker"))


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


def test_everything_that_auto_may_take_can_be_named_too():
    assert set(AUTO) <= set(OPENERS)
    assert choose.AUTO[-1] == "process"  # the one that needs nothing comes last
