from pathlib import Path

import environs
import pytest

from deploy.runtime.docker_settings import DockerSettings
from deploy.settings import DeploySettings

NAMES = (
    *("SERVICE_IMAGE", "SERVICE_PORT", "PUBLISH_ADDRESS", "LB_VIA", "DOCKER_NETWORK", "SERVICE_MEMORY", "SERVICE_PIDS"),
    *("SERVICE_CPUS", "SERVICE_READ_ONLY", "SERVICE_CAPABILITIES", "SERVICE_ENV_FILE", "BASE_IMAGE", "WHEELS"),
    *("SERVICE_LABELS", "ACTS_STORE_VOLUME"),
)


def settings() -> DockerSettings:
    return DockerSettings.from_env(environs.Env())


def test_without_variables_the_acts_image_is_run_and_seen_by_this_machine_alone(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    assert settings() == DockerSettings()
    assert settings().is_acts
    assert settings().publish_address == "127.0.0.1"


def test_another_image_is_not_acts(monkeypatch):
    monkeypatch.setenv("SERVICE_IMAGE", "nginx:1")
    monkeypatch.setenv("SERVICE_PORT", "8080")
    monkeypatch.setenv("SERVICE_CAPABILITIES", "CHOWN,SETUID")
    assert not settings().is_acts
    assert settings().port == 8080
    assert settings().capabilities == ("CHOWN", "SETUID")


@pytest.mark.parametrize(
    ("image", "is_acts", "is_made_here"),
    [
        ("acts:2", True, True),
        ("acts@3f2a9c81d2e4", True, True),
        ("registry:5000/acts", True, False),
        ("registry:5000/acts:2@sha256:0a1b", True, False),
        ("registry:5000/facts", False, False),
        ("nginx:1", False, False),
    ],
)
def test_our_application_may_come_from_a_registry_and_is_built_where_it_does_not(image, is_acts, is_made_here):
    docker = DockerSettings(image=image)
    assert (docker.is_acts, docker.is_made_here) == (is_acts, is_made_here)


def test_labels_for_other_tools_are_pairs(monkeypatch):
    monkeypatch.setenv("SERVICE_LABELS", "team=deeds,com.example.rule=a=b")
    assert settings().labels == (("team", "deeds"), ("com.example.rule", "a=b"))


def test_the_deploy_settings_hold_them(monkeypatch, tmp_path):
    monkeypatch.setenv("SERVICE_ENV_FILE", str(tmp_path / "env"))
    (tmp_path / "env").touch()
    assert Path(DeploySettings.from_env().docker.env_file).name == "env"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVICE_PORT", "0"),
        ("LB_VIA", "pigeon"),
        ("SERVICE_MEMORY", "much"),
        ("SERVICE_PIDS", "-1"),
        ("SERVICE_CPUS", "all"),
        ("SERVICE_READ_ONLY", "perhaps"),
        ("SERVICE_LABELS", "a=b,lonely"),
        ("SERVICE_ENV_FILE", "/no/such/file"),
    ],
)
def test_a_wrong_variable_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(environs.EnvError, match=name):
        settings()
