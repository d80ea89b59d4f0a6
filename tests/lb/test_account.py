"""The account of the workers: drops root only where the workers can still work."""

import os
import pwd
from pathlib import Path

import pytest
from real_redis import RedisServer

from lb.account import worker_account

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@needs_root
def test_workers_drop_to_an_account_that_reaches_redis(redis_server: RedisServer) -> None:
    account = worker_account("nobody", redis_server.tcp_url)
    assert (account.user, account.group, account.warning) == ("nobody", pwd.getpwnam("nobody").pw_gid, "")


@needs_root
def test_workers_stay_root_aloud_when_the_socket_is_out_of_reach(redis_server: RedisServer) -> None:
    account = worker_account("nobody", redis_server.url)
    assert account.user == ""
    assert "REDIS_URL" in account.warning


@needs_root
def test_workers_drop_when_the_socket_lets_them(tmp_path: Path, redis_server: RedisServer) -> None:
    folder, socket = redis_server.socket_path.parent, redis_server.socket_path
    folder.chmod(0o711)
    socket.chmod(0o777)
    try:
        assert worker_account("nobody", redis_server.url).user == "nobody"
    finally:
        folder.chmod(0o700)


@needs_root
def test_an_account_that_does_not_exist_is_said_aloud() -> None:
    account = worker_account("no-such-account", "redis://127.0.0.1:6379/0")
    assert account.user == ""
    assert "LB_USER" in account.warning


def test_root_can_be_kept() -> None:
    assert worker_account("", "redis://127.0.0.1:6379/0").user == ""
