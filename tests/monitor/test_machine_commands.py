"""`doctor` as it is typed; `up` is tried in tests/e2e."""

import json

from helpers import free_port


def test_the_doctor_looks_at_the_machine(run, monkeypatch):
    monkeypatch.setenv("LB_PORT", str(free_port()))
    monkeypatch.setenv("FIRST_PORT", str(free_port()))
    monkeypatch.setenv("MAX_CONTAINERS", "1")
    monkeypatch.setenv("ADMIN_PORT", str(free_port()))
    findings = json.loads(run("doctor", "--json").output)
    assert [one["grade"] for one in findings if one["name"] == "Python"] == ["good"]


def test_the_doctor_fails_when_something_required_is_missing(run, monkeypatch):
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    answer = run("doctor")
    assert answer.exit_code == 1
    assert "without REDIS_URL, up starts a server of its own" in answer.output
