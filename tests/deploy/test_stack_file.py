"""What stack.yaml says, without a swarm."""

import re
from pathlib import Path

import pytest
import yaml
from helpers import ROOT
from started_redis import said

STACK = yaml.safe_load((ROOT / "deploy" / "stack.yaml").read_text())
COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
SERVICES = STACK["services"]
PARTS = ("lb", "deploy", "monitor", "autoscaler", "dashboard")
BESIDE_THE_STORE = ("disk",)
# What one engine's alone is, and what a secret says here.
NOT_OF_A_SWARM = {"DOCKER_NETWORK", "ACTS_STORE_VOLUME", "PUBLISH_ADDRESS"}
NOT_OF_A_SWARM |= {"CRASH_TOKEN", "ADMIN_TOKEN", "SESSION_SECRET"}


def told(service: str) -> dict[str, str | None]:
    return SERVICES[service].get("environment", {})


def sources(service: str) -> list[str]:
    return [volume["source"] for volume in SERVICES[service].get("volumes", []) if "source" in volume]


@pytest.mark.parametrize("part", [*PARTS, *BESIDE_THE_STORE])
def test_a_part_is_told_whatever_compose_tells_it(part: str) -> None:
    compose = COMPOSE["services"][part]["environment"].keys()
    assert sorted(compose - told(part).keys() - NOT_OF_A_SWARM) == []


@pytest.mark.parametrize("part", [*PARTS, *BESIDE_THE_STORE])
def test_secrets_are_files_that_the_part_has(part: str) -> None:
    files = {str(value) for name, value in told(part).items() if name.endswith("_FILE")}
    assert files == {f"/run/secrets/{name}" for name in SERVICES[part]["secrets"]}
    assert not {name for name in told(part) if name.endswith(("_TOKEN", "_SECRET", "_PASSWORD"))}


@pytest.mark.parametrize("service", [*PARTS, "redis-state", "redis-acts"])
def test_what_is_slow_is_not_killed_for_it(service: str) -> None:
    check = SERVICES[service]["healthcheck"]
    assert check["timeout"] == "60s"
    assert check["retries"] >= 6


def test_every_node_has_one_proxy_on_a_port_of_its_own() -> None:
    (port,) = SERVICES["lb"]["ports"]
    assert (port["target"], port["mode"]) == (80, "host")
    assert SERVICES["lb"]["deploy"]["mode"] == "global"


@pytest.mark.parametrize("part", ["deploy", "monitor", "autoscaler"])
def test_of_what_decides_two_run_on_two_managers(part: str) -> None:
    deploy = SERVICES[part]["deploy"]
    assert deploy["replicas"] == 2
    assert deploy["placement"] == {"constraints": ["node.role == manager"], "max_replicas_per_node": 1}


def test_the_engines_socket_is_mounted_where_it_must_be_and_nowhere_else() -> None:
    assert {name for name in SERVICES if "/var/run/docker.sock" in sources(name)} == {"deploy", "engine-proxy"}


def test_who_reads_what_strangers_send_has_no_key_to_the_photos() -> None:
    assert "acts_redis_password" not in SERVICES["lb"]["secrets"] + SERVICES["dashboard"]["secrets"]
    assert {name for name in SERVICES if "acts-data:/data" in SERVICES[name].get("volumes", [])} == {"redis-acts"}


def test_the_photos_stay_where_their_volume_is_and_the_state_goes_wherever_there_is_a_node() -> None:
    assert SERVICES["redis-acts"]["deploy"]["placement"]["constraints"] == ["node.labels.acts-store == true"]
    assert "placement" not in SERVICES["redis-state"]["deploy"]


def test_the_guard_of_the_disk_is_where_the_store_is_as_its_account_and_asks_that_store_alone() -> None:
    disk, store = SERVICES["disk"], SERVICES["redis-acts"]
    assert disk["deploy"]["placement"] == store["deploy"]["placement"]
    assert disk["user"] == store["user"]
    (volume,) = [one for one in disk["volumes"] if one["type"] == "volume"]
    assert (volume["source"], volume["target"]) == ("acts-data", f"{told('disk')['STATE_DIR']}/acts")
    assert volume["volume"] == {"nocopy": True}  # else the volume might get this image's owner
    assert told("disk")["ACTS_REDIS_URL"] == "redis://redis-acts:6379/0"


def test_photos_are_on_disk_before_they_are_answered_and_the_state_is_not_kept() -> None:
    acts, state = SERVICES["redis-acts"]["command"][2], SERVICES["redis-state"]["command"][2]
    assert "--appendonly yes --appendfsync always" in acts
    assert '--save "" --appendonly no' in state
    assert "requirepass" in acts
    assert "requirepass" in state


@pytest.mark.parametrize(("limit", "bound"), [("536870912", 402653184), ("max", 0), (None, 0)])
def test_the_state_redis_refuses_what_is_new_before_its_memory_is_full(tmp_path: Path, limit: str, bound: int) -> None:
    assert f"--maxmemory {bound} --maxmemory-policy noeviction" in said(
        SERVICES["redis-state"]["command"], tmp_path, limit
    )


def test_only_the_monitor_reaches_the_proxy_of_the_engine() -> None:
    assert {name for name in SERVICES if "engine" in SERVICES[name]["networks"]} == {"monitor", "engine-proxy"}
    assert STACK["networks"]["engine"]["internal"] is True


@pytest.mark.parametrize("service", SERVICES)
def test_every_container_is_confined_and_its_log_bounded(service: str) -> None:
    one = SERVICES[service]
    assert (one["cap_drop"], one["read_only"], one["logging"]["options"]["max-size"]) == (["ALL"], True, "10m")
    assert one["deploy"]["restart_policy"]["condition"] == "any"
    assert one["deploy"]["resources"]["limits"].keys() == {"memory", "pids"}


@pytest.mark.parametrize("service", [*PARTS, *BESIDE_THE_STORE])
def test_an_update_replaces_one_after_the_other_and_goes_back_by_itself(service: str) -> None:
    update = SERVICES[service]["deploy"]["update_config"]
    assert (update["parallelism"], update["order"], update["failure_action"]) == (1, "stop-first", "rollback")


@pytest.mark.parametrize(
    ("path", "passes"),
    [
        ("/v1.41/services", True),
        ("/v1.41/tasks/abc123", True),
        ("/v1.41/services/acts-8000/logs", True),
        ("/_ping", True),
        ("/v1.41/swarm", False),  # tells the tokens to join
        ("/v1.41/secrets", False),
        ("/v1.41/configs/abc", False),
        ("/v1.41/containers/abc/archive", False),
        ("/v1.41/services/create/x", False),
    ],
)
def test_the_proxy_of_the_engine_lets_questions_pass_and_none_for_secrets(path: str, passes: bool) -> None:
    lines = (ROOT / "deploy" / "engine-proxy-swarm.cfg").read_text()
    known = re.search(r"acl known path_reg (\S+)$", lines, re.MULTILINE)
    assert known
    assert bool(re.search(known[1], path)) is passes
    assert "acl asks method GET HEAD\n" in lines
