"""One container's application, put together."""

from typing import Any

from acts_samples import API
from helpers import free_port

from acts_app.factory import COUNTED, create_app
from acts_app.settings import ActsSettings


def test_making_an_application_needs_no_store(tmp_path: Any) -> None:
    app = create_app(ActsSettings(f"redis://127.0.0.1:{free_port()}/0", state_dir=tmp_path))
    assert app.test_client().get("/static/x/style.css").status_code == 200


def test_a_proxy_is_believed_for_one_hop_only(make_client: Any) -> None:
    client = make_client(auth="required")
    two_hops = {"X-Forwarded-For": "127.0.0.1, 203.0.113.7"}
    assert client.post(f"{API}/_crash", headers=two_hops).status_code == 403
    assert client.post(f"{API}/_crash", headers={"X-Forwarded-For": "203.0.113.7, 127.0.0.1"}).status_code == 200


def test_only_the_resources_are_counted() -> None:
    paths = ["/api/v1/users", "/api/v1/users/a", "/api/v1/categories", "/api/v1/acts/count", "/api/v1/usersx", "/users"]
    assert [bool(COUNTED.match(path)) for path in paths] == [True, True, True, True, False, False]


def test_a_request_that_a_crashed_container_refuses_is_not_counted(make_client: Any) -> None:
    crashed, other = make_client(), make_client()
    crashed.post(f"{API}/_crash")
    crashed.get(f"{API}/users")
    assert other.get(f"{API}/_count").json == [0]
