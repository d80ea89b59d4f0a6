"""The dashboard in a real browser: live, readable, usable by keyboard, and silent in the console."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import steps
from playwright.sync_api import Browser, BrowserContext, Page, expect
from real_redis import start_redis
from running_dashboard import TOKEN, RunningDashboard, running_dashboard

from autoscaler import decision_log
from autoscaler.plan import Plan
from autoscaler.policy import Measured, Policy, decide
from deploy.container_state import State
from deploy.container_table import ContainerTable
from deploy.daemon_beat import DAEMONS, own_beat, queue_beat
from lb import events
from lb.counters import BUCKETS
from lb.heartbeat import WorkerBeat
from lb.heartbeat import queue_beat as queue_worker
from lb.settings import ServiceSettings

pytestmark = pytest.mark.browser
SIZES = {
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "desktop": {"viewport": {"width": 1360, "height": 900}},
}
PATIENCE = 10_000  # ms that a step may take on a loaded machine
LONG = 10**6  # seconds that what beats here stays alive: no process beats again


class Stage:
    """A service that is only told of: what its parts would write into Redis, written by the test."""

    def __init__(self, client: redis.Redis) -> None:
        self.redis = client
        self.table = ContainerTable(client, ServiceSettings())

    def all_well(self) -> None:
        """Every part beats, containers 1 and 2 run, and 25 requests came."""
        pipe, now = self.redis.pipeline(), time.time()
        row = [0, 0, 250] + [0] * (BUCKETS - 3)
        answers = {port: {"2": row} for port in (8000, 8001)}
        queue_worker(
            pipe, "acts", WorkerBeat("a", "host", 4711, now, now + LONG, 1, answers=answers, in_flight={8001: 3})
        )
        pipe.expire("acts:lb:worker:a", LONG)
        for who in DAEMONS:
            queue_beat(pipe, "acts", own_beat(who, now, now + LONG))
            pipe.expire(f"acts:beat:{who}", LONG)
        pipe.zadd("acts:requests", {f"w:{n}": now + LONG for n in range(25)})
        pipe.execute()
        for port in (8000, 8001):
            self.launch(port)
        self.decide(now, 25, 2)

    def launch(self, port: int) -> None:
        """A container comes and becomes healthy."""
        self.table.add(port, now=time.time(), reason="25 requests want 2", by="autoscaler")
        self.move(port, State.RUNNING, "its health check answered 200")

    def move(self, port: int, to: State, reason: str) -> None:
        container = self.table.get(port)
        assert container
        assert self.table.move(container, to, now=time.time(), reason=reason, by="monitor", address=f"127.0.0.1:{port}")

    def decide(self, at: float, count: int, running: int, shadow: Policy | None = None) -> None:
        """The autoscaler decides, and a shadow policy beside it."""
        decision, _ = decide(Measured(at, count, 1000.0, running), {1: at - 1}, Policy())
        states = {8000 + n: State.RUNNING for n in range(running)}
        beside = decide(Measured(at, count, 1000.0, running), {1: at - 1}, shadow)[0] if shadow else None
        pipe = self.redis.pipeline()
        decision_log.queue_append(pipe, "acts", decision_log.entry_for(decision, states, Plan(), beside))
        pipe.execute()

    def told(self) -> list[tuple[str, int | None, str]]:
        return [(str(event.kind), event.port, event.who) for event in events.last(self.redis, "acts", 5)]


@pytest.fixture
def stage(redis_client: redis.Redis) -> Stage:
    stage = Stage(redis_client)
    stage.all_well()
    return stage


@pytest.fixture
def dashboard(redis_server: Any, stage: Stage) -> Iterator[RunningDashboard]:
    with running_dashboard(redis_server.url) as one:
        yield one


@pytest.fixture
def look(browser: Browser, complaints: list[str]) -> Iterator[Callable[..., Page]]:
    """Open a dashboard in a fresh profile and wait until it is live."""
    contexts: list[BrowserContext] = []

    def look_at(site: str, size: str = "desktop", **options: Any) -> Page:
        context = browser.new_context(base_url=site, **({"reduced_motion": "reduce"} | SIZES[size] | options))
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: message.type == "error" and complaints.append(message.text))
        page.on("pageerror", lambda problem: complaints.append(str(problem)))
        page.goto("/")
        expect(page.locator("#live")).to_have_text("live")
        return page

    yield look_at
    for context in contexts:
        context.close()
    assert complaints == []


def cells(page: Page, port: int) -> list[str]:
    """The text of the first four cells of a row."""
    return page.locator(f'tr[data-port="{port}"] td').all_inner_texts()[:4]


def test_it_shows_what_happens_without_being_reloaded(look, dashboard, stage: Stage) -> None:
    page = look(dashboard.site)
    expect(page.locator("#count")).to_have_text("25")
    expect(page.locator("#above")).to_have_text("container 3 at 40: 15 more")
    expect(page.locator("#below")).to_have_text("one fewer below 20")
    expect(page.locator("#verdict")).to_have_text("All is well")
    assert page.locator("thead th").all_inner_texts()[:4] == ["Container number", "Port", "Status", "Turn"]
    assert cells(page, 8001) == ["2", "8001", "True", "1"]
    stage.redis.zadd("acts:requests", {f"x:{n}": time.time() + LONG for n in range(20)})
    stage.launch(8002)
    expect(page.locator("#count")).to_have_text("45")
    expect(page.locator("#running")).to_have_text("3")
    expect(page.locator("#events li").first).to_contain_text("8002 healthy, joins the ring")
    stage.move(8002, State.SICK, "answered 500")
    expect(page.locator("#verdict")).to_have_text("1 trouble")
    expect(page.locator("#banner")).to_contain_text("8002 is sick: answered 500")
    assert cells(page, 8002)[2] == "False"
    stage.move(8002, State.STARTING, "answered 500")
    expect(page.locator("#verdict")).to_have_text("relaunching 8002")


def test_nodes_have_a_column_where_there_are_any(look, dashboard, stage: Stage) -> None:
    page = look(dashboard.site)
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.get_by_role("columnheader", name="Node")).to_be_hidden()
    stage.table.update(stage.table.get(8001), node="node2")
    expect(page.get_by_role("columnheader", name="Node")).to_be_visible()
    expect(page.locator('tr[data-port="8001"] .c-node')).to_have_text("node2")
    expect(page.locator('tr[data-port="8000"] .c-node')).to_have_text("\N{EN DASH}")


def test_a_part_that_falls_silent_turns_red(look, dashboard, stage: Stage) -> None:
    page = look(dashboard.site)
    monitor = page.locator('.part[data-name="monitor"]')
    expect(monitor).to_have_attribute("data-health", "well")
    stage.redis.delete("acts:beat:monitor")
    expect(monitor).to_have_attribute("data-health", "gone")
    expect(page.locator("#banner")).to_contain_text("the monitor shows no sign of life")
    stage.redis.hset("acts:lb:worker:a", "degraded", "1")
    expect(page.locator('.part[data-name="proxy worker 4711"]')).to_have_attribute("data-health", "degraded")


def test_marks_tell_what_happened_and_why_there_were_so_many(look, dashboard, stage: Stage) -> None:
    page = look(dashboard.site)
    stage.move(8001, State.SICK, "answered 500")
    mark = page.locator(".mark", has_text="✕")
    mark.hover()
    expect(page.locator("#tip")).to_contain_text("8001 sick, leaves the ring: answered 500")
    mark.click()
    expect(page.locator("#why")).to_contain_text("25 requests came in the two minutes before")


def test_a_shadow_policy_has_a_line_of_its_own_as_soon_as_there_is_one(look, dashboard, stage: Stage) -> None:
    page = look(dashboard.site)
    legend = page.locator("#plot .u-legend")
    expect(legend).to_contain_text("Running")
    expect(legend).not_to_contain_text("Shadow policy")
    for seconds in (1, 8, 15):
        stage.decide(time.time() + seconds, 25, 2, shadow=Policy(requests_per_container=5))
    expect(legend).to_contain_text("Shadow policy", timeout=PATIENCE)


def test_marks_can_be_walked_with_the_arrow_keys(look, dashboard, stage: Stage) -> None:
    page = look(dashboard.site)
    expect(page.locator(".mark")).not_to_have_count(0)
    page.locator('.mark[tabindex="0"]').focus()
    page.keyboard.press("End")
    expect(page.locator("#tip")).to_contain_text("launched")
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_contain_text("Why, at")


def test_buttons_are_for_who_has_the_token_and_events_say_who(
    look, dashboard, stage: Stage, complaints: list[str]
) -> None:
    page = look(dashboard.site)
    expect(page.get_by_role("button", name="Relaunch 8001")).to_be_hidden()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Unlock")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("Your name").fill("ann")
    page.get_by_label("Admin token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#unlock .problem")).to_contain_text("admin token")
    page.get_by_label("Admin token").fill(TOKEN)
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Relaunch 8001")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#confirm")).to_be_visible()
    page.locator("#confirm-yes").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#toast")).to_contain_text("8001")
    assert ("sick", 8001, "ann (dashboard)") in stage.told()
    page.get_by_label("Number of containers").last.fill("3")
    page.keyboard.press("Enter")
    expect(page.locator("#mode")).to_have_text("fixed at 3 by ann (dashboard)")
    page.reload()
    expect(page.get_by_role("button", name="Lock (ann)")).to_be_visible()
    page.get_by_role("button", name="Lock (ann)").click()
    expect(page.get_by_role("button", name="Relaunch 8000")).to_be_hidden()
    complaints[:] = [words for words in complaints if "401" not in words]


def test_while_redis_is_away_the_page_says_so_and_then_goes_on(look, tmp_path: Path) -> None:
    server = start_redis(tmp_path)
    try:
        Stage(redis.Redis(unix_socket_path=str(server.socket_path), decode_responses=True)).all_well()
        with running_dashboard(server.url) as dashboard:
            page = look(dashboard.site)
            server.process.kill()
            server.process.wait(10)
            expect(page.locator("#banner")).to_contain_text("The state Redis has not answered for")
            assert cells(page, 8000)[1] == "8000"  # what was known stays
            server = start_redis(tmp_path)
            expect(page.locator("#banner")).not_to_contain_text("has not answered")
            expect(page.locator("#rows tr")).to_have_count(0)  # that Redis came back empty
    finally:
        server.process.kill()
        server.process.wait(10)


def test_when_the_dashboard_itself_dies_the_page_says_that(look, dashboard, complaints: list[str]) -> None:
    page = look(dashboard.site)
    dashboard.process.terminate()
    dashboard.process.wait(10)
    expect(page.locator("#live")).to_contain_text("silent for")
    expect(page.locator("#banner")).to_contain_text("The dashboard does not answer")
    complaints[:] = [words for words in complaints if "ERR_" not in words]


@pytest.mark.parametrize(("size", "scheme"), [("phone", "light"), ("desktop", "dark")])
def test_axe_finds_nothing_serious(look, dashboard, stage: Stage, size: str, scheme: str) -> None:
    page = look(dashboard.site, size, color_scheme=scheme)
    unlock(page)
    found = steps.violations(page)
    stage.move(8001, State.SICK, "answered 500")
    stage.redis.delete("acts:beat:monitor")
    expect(page.locator("#verdict")).to_have_text("2 troubles")
    page.get_by_role("button", name="Relaunch 8000").click()
    assert found + steps.violations(page) == []


def unlock(page: Page) -> None:
    page.get_by_role("button", name="Unlock").click()
    page.get_by_label("Your name").fill("ann")
    page.get_by_label("Admin token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.locator("#unlock")).to_be_hidden()


def test_nothing_sticks_out_from_320_to_2560_pixels(look, dashboard, stage: Stage) -> None:
    page = look(dashboard.site)
    unlock(page)
    stage.redis.zadd("acts:requests", {f"x:{n}": time.time() + LONG for n in range(12_345)})
    expect(page.locator("#count")).to_have_text("12,370")
    out = {}
    for width in (320, 390, 641, 900, 1200, 2560):
        page.set_viewport_size({"width": width, "height": 800})
        if steps.overflow(page) > 0:
            out[width] = steps.overflow(page)
    assert out == {}
