"""What goes wrong, in words."""

import errno
import threading
from pathlib import Path
from typing import Any

import pytest
import redis
from helpers import eventually
from werkzeug.exceptions import MethodNotAllowed

from acts_app import errors
from acts_app.factory import create_app
from acts_app.settings import ActsSettings


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (redis.exceptions.OutOfMemoryError("command not allowed"), 507),
        (redis.ResponseError("ERR Error running script: -OOM command not allowed when used memory"), 507),
        (redis.TimeoutError("Timeout reading"), 503),
        (redis.ConnectionError("refused"), 503),
        (redis.exceptions.BusyLoadingError("loading"), 503),
        (redis.ResponseError("MISCONF Errors writing to the AOF file"), 503),
        (redis.exceptions.ReadOnlyError("You can't write"), 503),
        (redis.ResponseError("WRONGTYPE"), 500),
    ],
)
def test_a_problem_of_the_store_has_its_code(problem: redis.RedisError, status: int) -> None:
    answer = errors.from_store(problem)
    assert answer.status_code == status
    assert answer.json is not None
    assert answer.json["error"].endswith(".")
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_a_wrong_method_keeps_its_allow() -> None:
    answer = errors.from_http(MethodNotAllowed(["GET", "POST"]))
    assert answer.headers["Allow"] == "GET, POST"


def test_a_fault_of_ours_is_told_without_details(tmp_path: Path) -> None:
    app = create_app(ActsSettings("unix:///nowhere/acts.sock", state_dir=tmp_path))
    app.add_url_rule("/boom", view_func=lambda: 1 // 0)
    answer = app.test_client().get("/boom")
    assert (answer.status_code, answer.json) == (500, {"error": errors.SENTENCES[500]})


def test_a_container_whose_disk_is_full_says_so(tmp_path: Path) -> None:
    app = create_app(ActsSettings("unix:///nowhere/acts.sock", state_dir=tmp_path))

    def kept() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    app.add_url_rule("/kept", view_func=kept)
    answer = app.test_client().get("/kept")
    assert (answer.status_code, answer.json) == (507, {"error": errors.FULL})


def test_who_only_looks_is_answered_though_the_store_was_lost_under_the_first_look(
    client: Any, redis_client: redis.Redis
) -> None:
    redis_client.execute_command("CLIENT", "PAUSE", "10000", "WRITE")
    answers: list[Any] = []
    looking = threading.Thread(target=lambda: answers.append(client.get("/api/v1/acts/count")))
    looking.start()
    eventually(lambda: redis_client.info("clients")["blocked_clients"])
    redis_client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    redis_client.execute_command("CLIENT", "UNPAUSE")
    looking.join(5)
    assert [answer.status_code for answer in answers] == [200]
