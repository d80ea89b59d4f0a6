"""Starting: a wrong variable is one sentence and exit code 2, and the account is dropped or said aloud."""

import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from helpers import eventually, free_port
from real_redis import RedisServer
from rig import ROOT, Backend, RunningProxy


@pytest.mark.parametrize(
    ("name", "value"), [("LB_PORT", "http"), ("REDIS_URL", "mysql://x"), ("UPSTREAM_TIMEOUT", "soon")]
)
def test_a_wrong_variable_is_one_sentence_and_exit_code_2(name: str, value: str) -> None:
    command = [sys.executable, "-m", "gunicorn", "-c", "python:lb.gunicorn_conf"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, name: value}, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 2
    assert name in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_no_worker_waits_for_a_disk_to_say_that_it_lives(
    make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]
) -> None:
    pid = make_proxy(make_backend()).beats()[0].pid
    opened = [str(file.readlink()) for file in Path(f"/proc/{pid}/fd").iterdir()]
    (sign_of_life,) = [name for name in opened if "wgunicorn-" in name]
    assert sign_of_life.startswith("/dev/shm/")


def test_the_proxy_protocol_before_tls_is_refused_in_one_sentence(tmp_path: Path) -> None:
    certificate = tmp_path / "cert.pem"
    certificate.touch()
    command = [sys.executable, "-m", "gunicorn", "-c", "python:lb.gunicorn_conf", "--proxy-protocol", "v2"]
    command += ["--certfile", str(certificate), "--bind", f"127.0.0.1:{free_port()}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "proxy_protocol cannot be used together with a certificate" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_workers_are_not_root(
    lb_redis: RedisServer, make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]
) -> None:
    proxy = make_proxy(make_backend(), redis_url=lb_redis.tcp_url)
    (beat,) = proxy.beats()
    assert psutil.Process(proxy.process.pid).uids().real == 0
    assert psutil.Process(beat.pid).uids().real == pwd.getpwnam("nobody").pw_uid
    assert proxy.get().status == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_workers_that_must_stay_root_say_so(
    lb_redis: RedisServer, make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]
) -> None:
    proxy = make_proxy(make_backend(), redis_url=lb_redis.url)
    assert "stay root" in proxy.log()


def test_gunicorn_options_win(make_backend: Callable[..., Backend], make_proxy: Callable[..., RunningProxy]) -> None:
    proxy = make_proxy(make_backend(), options=("--workers", "2", "--limit-request-line", "100"))
    eventually(lambda: len(proxy.beats()) == 2)
    assert proxy.get("/" + "a" * 200).status == 414
