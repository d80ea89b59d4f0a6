"""What goes wrong, in words."""

from pathlib import Path

import pytest
import redis
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
