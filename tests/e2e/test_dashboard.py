"""The dashboard that `up` starts: it shows the running service, and changes it for who has the token."""

import os
import signal

import requests
from helpers import eventually
from running_service import RunningService


def site(service: RunningService) -> str:
    return f"http://127.0.0.1:{service.variable('ADMIN_PORT')}"


def state(service: RunningService) -> dict:
    found: dict = requests.get(f"{site(service)}/state.json", timeout=5).json()
    return found


def change(service: RunningService, path: str, **values: object) -> requests.Response:
    token = (service.state_dir / "admin_token").read_text().strip()
    return requests.post(site(service) + path, json=values, headers={"Authorization": f"Bearer {token}"}, timeout=5)


def test_it_shows_containers_and_parts_of_the_running_service(service: RunningService) -> None:
    eventually(lambda: state(service)["rows"][0]["status"], within=15)
    healthy = {"proxy workers": 2, "others": 5}
    parts = eventually(lambda: well(state(service)["parts"]) == healthy and state(service)["parts"], within=15)
    assert {"monitor", "autoscaler", "deploy worker", "state Redis", "acts Redis"} < {part["name"] for part in parts}


def well(parts: list[dict]) -> dict[str, int]:
    """How many proxy workers and other parts are well."""
    names = [part["name"] for part in parts if part["health"] == "well"]
    workers = sum(name.startswith("proxy worker") for name in names)
    return {"proxy workers": workers, "others": len(names) - workers}


def test_counters_go_on_when_a_proxy_worker_is_killed(service: RunningService) -> None:
    for _ in range(20):
        assert service.get("/api/v1/acts/count").status_code == 200
    before = eventually(lambda: answered(service) >= 20 and answered(service), within=10)
    worker = next(pid for pid, title in service.titles().items() if title.startswith("lb worker"))
    os.kill(worker, signal.SIGKILL)
    for _ in range(20):
        service.get("/api/v1/acts/count")
        assert answered(service) >= before


def answered(service: RunningService) -> float:
    """All requests that were answered with 2xx, as Prometheus would see it."""
    text = requests.get(f"{site(service)}/metrics", timeout=5).text
    lines = [
        line for line in text.splitlines() if line.startswith("selfieless_requests_total{") and 'code="2xx"' in line
    ]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def test_its_buttons_scale_and_relaunch(service: RunningService) -> None:
    assert change(service, "/scale", number=2, by="ann").status_code == 200
    eventually(lambda: len(service.ring()) == 2, within=30)
    before = service.pid_on(service.first_port + 1)
    assert change(service, "/relaunch", port=service.first_port + 1, by="ann").status_code == 202
    eventually(
        lambda: len(service.ring()) == 2 and service.pid_on(service.first_port + 1) not in (0, before), within=30
    )
    assert "ann (dashboard)" in service.command("events", "-n", "30")
    assert change(service, "/scale", number=None, by="ann").status_code == 200


def test_it_comes_back_when_it_is_killed(service: RunningService) -> None:
    def pid() -> int:
        return next((pid for pid, title in service.titles().items() if title == "dashboard"), 0)

    before = eventually(pid, within=15)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: pid() not in (0, before), within=15)
    eventually(lambda: "rows" in answer_or_nothing(service), within=15)


def answer_or_nothing(service: RunningService) -> dict:
    try:
        return state(service)
    except requests.ConnectionError:
        return {}
