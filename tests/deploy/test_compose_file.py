"""What compose.yaml says, without an engine."""

import re
from pathlib import Path

import pytest
import yaml
from helpers import ROOT
from started_redis import said

COMPOSE = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
# What compose decides itself, what is one machine's alone, and what goes to images while they are built.
NOT_PASSED_ON = {
    *("STATE_DIR", "STATE_REDIS_PORT", "START_TIMEOUT", "KEEP", "LB_USER", "SERVICE_COMMAND", "SERVICE_ENV_FILE"),
    *("BASE_IMAGE", "WHEELS", "PYTHON"),
    *("SWARM_NETWORK", "SWARM_RESERVATION"),
    *("REDIS_PASSWORD", "ACTS_REDIS_PASSWORD"),  # nobody reaches the sockets but who mounts their volumes
}


def told(service: str) -> dict[str, str | None]:
    return SERVICES[service].get("environment", {})


def mounts(service: str) -> list[str]:
    return [volume.split(":")[0] for volume in SERVICES[service].get("volumes", [])]


def test_every_variable_that_is_explained_reaches_somebody() -> None:
    table = (ROOT / "docs" / "reference.md").read_text().partition("## Variables")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    explained = {name for cell in cells for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", cell)}
    passed_on = {name for service in SERVICES for name in told(service)}
    forgotten = sorted(explained - passed_on - NOT_PASSED_ON)
    assert forgotten == [], "name it in deploy/compose.yaml where it is read, or in NOT_PASSED_ON"


def test_both_images_are_built_on_what_their_dockerfiles_say() -> None:
    for service in ("secrets", "acts"):
        build = SERVICES[service]["build"]
        base = re.search(r"^ARG BASE=(.+)$", (ROOT / build["dockerfile"]).read_text(), re.MULTILINE)
        assert base
        assert build["args"]["BASE"] == "${BASE_IMAGE:-" + base[1] + "}"


def test_the_engines_socket_is_mounted_where_it_must_be_and_nowhere_else() -> None:
    socket = "${DOCKER_SOCKET"
    assert {name for name in SERVICES if socket in mounts(name)} == {"deploy", "engine-proxy"}


def test_who_reads_what_strangers_send_is_nobody_and_reaches_no_photos() -> None:
    assert "user" not in SERVICES["lb"]
    assert "acts-socket" not in mounts("lb") + mounts("dashboard")
    assert {name for name in SERVICES if "acts-data" in mounts(name)} == {"redis-acts", "disk"}


@pytest.mark.parametrize("service", ["redis-state", "redis-acts", "disk", "autoscaler", "engine-proxy", "secrets"])
def test_what_needs_no_network_has_none(service: str) -> None:
    assert SERVICES[service]["network_mode"] == "none"
    assert "ports" not in SERVICES[service]


@pytest.mark.parametrize("service", SERVICES)
def test_every_container_is_confined_and_its_log_bounded(service: str) -> None:
    one = SERVICES[service]
    assert (one["cap_drop"], one["read_only"], one["logging"]["options"]["max-size"]) == (["ALL"], True, "10m")
    assert one["restart"] == ("no" if service in ("secrets", "acts", "selfieless") else "unless-stopped")


def test_photos_are_on_disk_before_they_are_answered_and_the_state_is_not_kept() -> None:
    assert "--appendfsync always" in SERVICES["redis-acts"]["command"]
    state = SERVICES["redis-state"]["command"][2]
    assert '--save "" --appendonly no' in state


@pytest.mark.parametrize(("limit", "bound"), [("536870912", 402653184), ("max", 0), (None, 0)])
def test_the_state_redis_refuses_what_is_new_before_its_memory_is_full(tmp_path: Path, limit: str, bound: int) -> None:
    assert f"--maxmemory {bound} --maxmemory-policy noeviction" in said(
        SERVICES["redis-state"]["command"], tmp_path, limit
    )
