import re
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from helpers import ROOT

from autoscaler import decision_log
from autoscaler.plan import Plan
from autoscaler.policy import Measured, Policy, decide
from lb.events import Kind
from monitor.dashboard.app import LISTENERS
from monitor.dashboard.main import create_dashboard


def test_the_page_names_the_four_columns_first(site) -> None:
    text = site.get("/").text
    places = [text.index(f">{title}<") for title in ("Container number", "Port", "Status", "Turn", "State")]
    assert places == sorted(places)


def test_the_page_loads_nothing_from_elsewhere_and_has_no_script_of_its_own(site) -> None:
    text = site.get("/").text
    assert "//" not in text.replace("<!doctype", "")
    assert "<script>" not in text
    assert "style=" not in text


@pytest.mark.parametrize("name", ["main.js", "dashboard.css", "uplot/uPlot.iife.min.js", "uplot/LICENSE", "mark.svg"])
def test_what_the_page_needs_is_served_here(site, name) -> None:
    with site.get(f"/static/{name}") as answer:
        assert answer.status_code == 200


def test_the_state_is_json_for_scripts(ward, site, parts) -> None:
    ward.start(8000)
    parts.reader.tick(time.time())
    assert site.get("/state.json").json["rows"][0]["port"] == 8000


def test_the_stream_begins_with_everything(site, parts) -> None:
    parts.reader.tick(time.time())
    with site.get("/stream", buffered=False) as answer:
        assert answer.content_type.startswith("text/event-stream")
        chunks = answer.iter_encoded()
        assert [next(chunks), next(chunks)[:13]] == [b"retry: 1000\n\n", b"event: hello\n"]
        assert parts.hub.listeners == 1
    assert parts.hub.listeners == 0


def test_too_many_listeners_are_asked_to_come_back(site, parts) -> None:
    for _ in range(LISTENERS):
        parts.hub.listen()
    answer = site.get("/stream")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_why_is_answered_from_the_journal(site, redis_client) -> None:
    at = time.time() - 10
    decision, _ = decide(Measured(at, 25, 1000.0, 1), {1: at - 1}, Policy())
    pipe = redis_client.pipeline()
    decision_log.queue_append(pipe, "acts", decision_log.entry_for(decision, {}, Plan()))
    pipe.execute()
    told = site.get(f"/why?at={at + 1}").json
    assert "because 25 requests came" in told["sentence"]
    assert site.get(f"/why?at={at - 1}").status_code == 404
    assert [site.get(f"/why?at={text}").status_code for text in ("x", "-1", "nan", "1e300")] == [400] * 4


def test_health_is_the_dashboards_own(site) -> None:
    assert site.get("/healthz").json == {"listeners": 0}


@pytest.fixture
def blind(settings) -> Iterator[FlaskClient]:
    """A dashboard whose Redis is not there."""
    service = replace(settings.scaling.service, redis_url="unix:///nowhere/at.all")
    with create_dashboard(
        replace(settings, scaling=replace(settings.scaling, service=service))
    ).test_client() as client:
        yield client


def test_a_redis_that_is_away_is_said_with_what_to_do(blind) -> None:
    answer = blind.get("/why")
    assert answer.status_code == 503
    assert "REDIS_URL" in answer.json["error"]


def test_metrics_are_in_the_text_format_and_read_when_they_are_asked_for(ward, site) -> None:
    ward.start(8000)
    answer = site.get("/metrics")
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert 'selfieless_redis_up{server="state"} 1.0' in answer.text
    assert 'selfieless_containers{state="running"} 1.0' in answer.text


def test_while_redis_is_away_metrics_say_that_alone(blind) -> None:
    answer = blind.get("/metrics")
    assert answer.status_code == 200
    assert 'selfieless_redis_up{server="state"} 0.0' in answer.text
    assert "selfieless_containers" not in answer.text


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_event_has_words_of_its_own(kind) -> None:
    words = (ROOT / "monitor" / "dashboard" / "static" / "words.js").read_text()
    assert re.search(rf"^  {kind}: {{ .*words: ", words, re.MULTILINE)


def test_the_chart_library_is_the_one_that_the_script_fetches_with_its_licence_beside_it() -> None:
    folder = ROOT / "monitor" / "dashboard" / "static" / "uplot"
    version = re.search(r"^VERSION=(.*)$", (ROOT / "requirements" / "vendor").read_text(), re.MULTILINE)
    assert version
    assert f"(v{version[1]})" in (folder / "uPlot.iife.min.js").read_text()[:200]
    assert "MIT" in (folder / "LICENSE").read_text()
