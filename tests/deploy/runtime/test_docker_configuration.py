"""What containers are made of; no engine is asked."""

import os
import stat

import pytest

from deploy.runtime.base import StartFailed
from deploy.runtime.docker_configuration import (
    ACTS_GID,
    STORE,
    binds,
    configuration,
    environment,
    let_in,
    read_env_file,
    store_socket,
)
from deploy.runtime.docker_engine import client
from deploy.runtime.docker_settings import DockerSettings
from deploy.settings import DeploySettings

GATEWAY = "172.17.0.1"


def settings(tmp_path, **docker: object) -> DeploySettings:
    return DeploySettings(state_dir=tmp_path, docker=DockerSettings(**docker))


def told(tmp_path, variables: dict[str, str], **docker: object) -> dict[str, str]:
    return environment(settings(tmp_path, **docker), variables, 8004, GATEWAY)


def test_any_container_is_told_its_port_and_number_and_nothing_of_ours(tmp_path):
    variables = {"ACTS_REDIS_URL": "redis://store/0", "REDIS_URL": "redis://state/0", "ADMIN_TOKEN": "secret"}
    assert told(tmp_path, variables, image="nginx") == {"PORT": "8004", "CONTAINER_NUMBER": "5"}


def test_an_acts_container_is_told_what_it_needs_and_no_more(tmp_path):
    variables = {"ACTS_REDIS_URL": "redis://store/0", "REDIS_URL": "redis://state/0", "ADMIN_TOKEN": "secret"}
    variables |= {"ACTS_AUTH": "off", "CRASH_TOKEN": "crash"}
    given = told(tmp_path, variables)
    assert given.pop("SESSION_SECRET")
    assert given == {
        "PORT": "8004",
        "CONTAINER_NUMBER": "5",
        "ACTS_AUTH": "off",
        "CRASH_TOKEN": "crash",
        "ACTS_REDIS_URL": "redis://store/0",
        "SERVICE_NAME": "acts",
        "LOCAL_NETWORKS": f"{GATEWAY}/32",
    }


def test_one_secret_signs_the_sessions_of_all_containers(tmp_path):
    secrets = {told(tmp_path, {})["SESSION_SECRET"] for _ in range(3)}
    assert secrets == {(tmp_path / "session_secret").read_text().strip()}
    assert told(tmp_path, {"SESSION_SECRET": "given"})["SESSION_SECRET"] == "given"


def test_secrets_that_lie_in_files_of_this_machine_are_told_as_what_they_are(tmp_path):
    (tmp_path / "password").write_text("swordfish\n")
    variables = {"ACTS_REDIS_PASSWORD_FILE": str(tmp_path / "password"), "SESSION_SECRET": "given"}
    given = told(tmp_path, variables)
    assert given["ACTS_REDIS_PASSWORD"] == "swordfish"
    assert not [name for name in given if name.endswith("_FILE")]


def test_secrets_that_a_container_has_itself_are_told_as_the_names_of_their_files(tmp_path):
    files = {"SESSION_SECRET_FILE": "/run/secrets/session_secret"}
    given = environment(settings(tmp_path), {"CRASH_TOKEN": "crash", **files}, 8004, GATEWAY, files)
    assert given["SESSION_SECRET_FILE"] == "/run/secrets/session_secret"
    assert given["CRASH_TOKEN"] == "crash"
    assert "SESSION_SECRET" not in given


def test_the_store_is_reached_through_the_folder_of_its_socket(tmp_path):
    variables = {"ACTS_REDIS_URL": f"unix://{tmp_path}/acts.sock"}
    assert told(tmp_path, variables)["ACTS_REDIS_URL"] == f"unix://{STORE}/acts.sock"
    assert binds(DockerSettings(), variables) == [f"{tmp_path}:{STORE}:ro"]
    assert binds(DockerSettings(image="nginx"), variables) == []


def test_the_store_may_lie_in_a_volume_of_the_engine(tmp_path):
    variables = {"ACTS_REDIS_URL": "unix:///run/acts-store/acts.sock"}
    assert binds(DockerSettings(store_volume="acts-socket"), variables) == [f"acts-socket:{STORE}:ro"]


def test_who_counts_as_this_machine_can_be_said(tmp_path):
    assert told(tmp_path, {"LOCAL_NETWORKS": ""})["LOCAL_NETWORKS"] == ""
    assert told(tmp_path, {"LOCAL_NETWORKS": "10.0.0.0/8"})["LOCAL_NETWORKS"] == "10.0.0.0/8"


@pytest.mark.parametrize("url", ["", "redis://store:6379/0"])
def test_a_store_that_is_reached_by_tcp_has_no_socket(url):
    assert store_socket({"ACTS_REDIS_URL": url}) is None
    assert binds(DockerSettings(), {"ACTS_REDIS_URL": url}) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_the_containers_account_may_enter_the_stores_folder_and_nobody_else(tmp_path):
    let_in(tmp_path)
    found = tmp_path.stat()
    assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (ACTS_GID, 0o710)


def test_the_environment_file_has_the_last_word(tmp_path):
    path = tmp_path / "env"
    path.write_text("# a comment\n\nCOLOUR=blue=green\nPORT=1\nnonsense\n")
    assert read_env_file(str(path)) == {"COLOUR": "blue=green", "PORT": "1"}
    assert told(tmp_path, {}, image="nginx", env_file=str(path))["PORT"] == "1"


@pytest.fixture
def api():
    offline = client("1.41")
    yield offline
    offline.close()


def test_a_container_may_do_nothing_that_it_need_not(api, tmp_path):
    made = configuration(api, settings(tmp_path, image="nginx"), 8004, GATEWAY)["host_config"]
    assert made["PortBindings"] == {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8004"}]}
    assert made["ReadonlyRootfs"] is True
    assert made["CapDrop"] == ["ALL"]
    assert made["SecurityOpt"] == ["no-new-privileges"]
    assert (made["Memory"], made["MemorySwap"]) == (512 * 2**20, 512 * 2**20)
    assert (made["PidsLimit"], made["NanoCpus"], made["Init"]) == (200, 1_000_000_000, True)
    assert made["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "2"}


def test_limits_of_none_are_no_limits(api, tmp_path):
    made = configuration(api, settings(tmp_path, image="nginx", pids=0, cpus=0), 8004, GATEWAY)["host_config"]
    assert not made.get("PidsLimit")
    assert not made.get("NanoCpus")


def test_the_files_of_a_store_that_speaks_tls_are_mounted_and_named_as_a_container_sees_them(
    api, tmp_path, monkeypatch
):
    (tmp_path / "ca.pem").write_text("a CA")
    monkeypatch.setenv("ACTS_REDIS_URL", f"rediss://store:6379/0?ssl_ca_certs={tmp_path}/ca.pem")
    made = configuration(api, settings(tmp_path), 8004, GATEWAY)
    (mount,) = made["host_config"]["Mounts"]
    assert (mount["Source"], mount["ReadOnly"]) == (f"{tmp_path}/ca.pem", True)
    assert made["environment"]["ACTS_REDIS_URL"] == f"rediss://store:6379/0?ssl_ca_certs={mount['Target']}"


def test_another_application_gets_no_file_of_the_acts_store(api, tmp_path, monkeypatch):
    (tmp_path / "ca.pem").write_text("a CA")
    monkeypatch.setenv("ACTS_REDIS_URL", f"rediss://store:6379/0?ssl_ca_certs={tmp_path}/ca.pem")
    assert "Mounts" not in configuration(api, settings(tmp_path, image="nginx"), 8004, GATEWAY)["host_config"]


def test_a_file_of_variables_that_has_gone_since_fails_the_start(tmp_path):
    with pytest.raises(StartFailed, match=r"SERVICE_ENV_FILE=.*env cannot be read"):
        read_env_file(str(tmp_path / "env"))
