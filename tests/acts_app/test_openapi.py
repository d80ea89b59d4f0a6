"""The OpenAPI document, and requests that schemathesis invents from it: none of them may end in a 5xx."""

from typing import Any

import pytest
import redis
import schemathesis
from acts_samples import API
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from acts_app.factory import create_app
from acts_app.openapi import openapi
from acts_app.settings import ActsSettings


def test_the_document_names_all_17_routes_but_the_form_of_one(client: Any) -> None:
    document = client.get(f"{API}/openapi.json").json
    rules = {
        (rule.rule.removeprefix(API), method.lower())
        for rule in client.application.url_map.iter_rules()
        if rule.rule.startswith(API) and "openapi" not in rule.rule
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {
        (path.replace("{username}", "<name:username>").replace("{category}", "<name:category>"), method)
        for path, operations in document["paths"].items()
        for method in operations
    }
    assert {(path.replace("{actId}", "<act_id:word>"), method) for path, method in described} == rules
    assert len(rules) == 16  # rows 7 and 8 of the protocol share one


def test_only_the_guarded_protocol_asks_for_credentials() -> None:
    guarded, open_ = openapi(open_protocol=False), openapi(open_protocol=True)
    assert "security" in guarded["paths"]["/acts"]["post"]
    assert "security" not in guarded["paths"]["/users"]["post"]
    assert not [op for path in open_["paths"].values() for op in path.values() if "security" in op]


INVENTED = settings(
    max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)


@pytest.mark.parametrize("guarded", [False, True])
def test_no_invented_request_ends_in_a_5xx(redis_server: Any, redis_client: redis.Redis, guarded: bool) -> None:
    values: dict[str, Any] = {"redis_url": redis_server.url, "session_secret": "x", "scrypt_cost": 16}
    app = create_app(ActsSettings(**values, auth="required" if guarded else "off", signup_limit="1000 per hour"))
    for operation in schemathesis.openapi.from_wsgi(f"{API}/openapi.json", app).get_all_operations():
        try_out(operation.ok())


def try_out(operation: Any) -> None:
    """Invent requests for one operation and send them; `_crash` would end the matter."""
    if operation.path.endswith("/_crash"):
        return

    @INVENTED
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        case.call_and_validate(checks=[not_a_server_error, response_schema_conformance, status_code_conformance])

    send()
