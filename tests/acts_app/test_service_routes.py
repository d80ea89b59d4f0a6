"""`_count`, `_health` and `_crash`, and who may use them."""

from typing import Any

import pytest
import redis
from acts_samples import API, act, user
from helpers import free_port

from acts_app.service_routes import is_local
from acts_app.settings import ActsSettings

REMOTE = {"X-Forwarded-For": "203.0.113.7"}


def test_count_takes_every_request_to_the_resources_and_no_other(client: Any) -> None:
    for method, path in [
        ("GET", "/users"),
        ("POST", "/users"),
        ("PUT", "/users"),
        ("GET", "/categories/x/acts"),
        ("GET", "/acts/none/such"),
        ("GET", "/_count"),
        ("GET", "/_health"),
        ("GET", "/_crash"),
        ("GET", "/usership"),
        ("GET", "/openapi.json"),
    ]:
        client.open(API + path, method=method)
    assert client.get(f"{API}/_count").json == [5]
    client.delete(f"{API}/_count")
    assert client.get(f"{API}/_count").json == [0]


def test_count_is_over_all_containers(make_client: Any) -> None:
    one, other = make_client(), make_client()
    one.get(f"{API}/users")
    other.get(f"{API}/users")
    assert one.get(f"{API}/_count").json == other.get(f"{API}/_count").json == [2]


@pytest.mark.parametrize(("method", "path"), [("POST", "/_crash"), ("DELETE", "/_count")])
def test_an_operators_order_is_for_this_machine_or_the_token(make_client: Any, method: str, path: str) -> None:
    def send(client: Any, headers: dict[str, str]) -> int:
        return int(client.open(API + path, method=method, headers=headers).status_code)

    guarded: dict[str, Any] = {"auth": "required", "crash_token": "sesame"}
    assert send(make_client(**guarded), REMOTE) == 403
    assert send(make_client(**guarded), REMOTE | {"X-Crash-Token": "wrong"}) == 403
    assert send(make_client(auth="required"), REMOTE | {"X-Crash-Token": ""}) == 403
    assert send(make_client(**guarded), REMOTE | {"X-Crash-Token": "sesame"}) == 200
    assert send(make_client(**guarded), REMOTE | {"Authorization": "Bearer sesame"}) == 200
    assert send(make_client(**guarded), {}) == 200
    assert send(make_client(), REMOTE) == 200


def test_a_crashed_container_answers_500_everywhere_and_the_other_goes_on(make_client: Any) -> None:
    crashed, other = make_client(), make_client()
    assert crashed.post(f"{API}/_crash").status_code == 200
    tries = [("POST", "/_crash"), ("GET", "/_health"), ("GET", "/nothing"), ("PUT", "/users"), ("OPTIONS", "/users")]
    assert [crashed.open(API + path, method=method).status_code for method, path in tries] == [500] * 5
    assert other.get(f"{API}/_health").status_code == 200


def test_an_unreachable_store_is_500_for_the_probe_and_503_for_people(make_client: Any) -> None:
    client = make_client(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    health = client.get(f"{API}/_health")
    assert (health.status_code, health.json) == (500, {"store": "unreachable"})
    got = client.post(f"{API}/users", json=user())
    assert (got.status_code, list(got.json), got.headers["Retry-After"]) == (503, ["error"], "1")


def test_a_store_that_takes_no_writes_is_unreachable_too(make_client: Any, redis_client: redis.Redis) -> None:
    client = make_client()
    redis_client.replicaof("127.0.0.1", free_port())
    try:
        assert client.get(f"{API}/_health").json == {"store": "unreachable"}
        assert client.post(f"{API}/categories", json=["a"]).status_code == 503
    finally:
        redis_client.replicaof("NO", "ONE")


def test_a_full_store_is_507_for_uploads_while_reading_and_removing_go_on(
    make_client: Any, redis_client: redis.Redis
) -> None:
    client = make_client()
    client.post(f"{API}/categories", json=["a"])
    redis_client.config_set("maxmemory", "1")
    try:
        got = client.post(f"{API}/categories", json=["b"])
        assert (got.status_code, list(got.json)) == (507, ["error"])
        assert client.get(f"{API}/categories").json == {"a": 0}
        assert client.get(f"{API}/_health").status_code == 200
        assert client.delete(f"{API}/categories/a").status_code == 200
    finally:
        redis_client.config_set("maxmemory", "0")


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_an_address_is_local_or_not(address: str, local: bool) -> None:
    assert is_local(address, ActsSettings.local_networks) is local


def test_a_full_store_can_be_looked_at_everywhere(make_client: Any, redis_client: redis.Redis) -> None:
    client = make_client(auth="required")
    client.environ_base |= {"HTTP_ORIGIN": "http://localhost", "HTTP_ACCEPT": "text/html"}
    form = {"username": "ann", "password": "correct horse"}
    client.post("/signup", data=form)
    client.post(f"{API}/categories", json=["trees"])
    client.post(f"{API}/acts", json=act())
    redis_client.config_set("maxmemory", "1")
    try:
        paths = ["/", "/categories/trees", "/acts/1", "/acts/1/image", "/upload", "/account"]
        paths += [
            API + path for path in ("/users", "/categories", "/categories/trees/acts", "/categories/trees/acts/size")
        ]
        assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)
        assert client.post("/login", data=form).status_code == 303
        assert client.delete(f"{API}/acts/1").status_code == 200
    finally:
        redis_client.config_set("maxmemory", "0")
