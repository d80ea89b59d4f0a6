"""`export`, `replay` and `simulate` as they are typed."""

import gzip
import json
import shlex
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from helpers import ROOT

from autoscaler import decision_log
from autoscaler.plan import Plan
from autoscaler.policy import Measured, Policy, decide
from deploy.container_state import State
from monitor.cli import cli


@pytest.fixture
def run(redis_server, redis_client, tmp_path, monkeypatch):
    """Runs a command in this process and in a folder of its own."""
    for name in ("WINDOW_SECONDS", "REQUESTS_PER_CONTAINER", "STABILIZATION_SECONDS", "MAX_CONTAINERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(cli, words, catch_exceptions=False)


@pytest.fixture
def journal(redis_client):
    """Ten minutes of decisions: 45 requests at the end of the second one."""
    began, history, pipe = time.time() - 600, {1: time.time() - 601}, redis_client.pipeline()
    for second in range(600):
        count = 45 if 120 <= second < 240 else 0
        decision, history = decide(Measured(began + second, count, 500.0 + second, 1), history, Policy())
        states = {8000 + n: State.RUNNING for n in range(decision.target)}
        decision_log.queue_append(pipe, "acts", decision_log.entry_for(decision, states, Plan()))
    pipe.execute()


def test_the_same_policy_decides_the_same_again(run, journal):
    answer = run("replay")
    assert answer.exit_code == 0
    assert "600 decisions from" in answer.output
    assert "The same policy decides the same again." in answer.output


def test_another_policy_is_put_beside_it(run, journal):
    answer = run("replay", "--policy", "requests_per_container=40", "--policy", "stabilization=0")
    assert [line.split()[0] for line in answer.output.splitlines()[2:5]] == [
        "as",
        "requests_per_container=40",
        "stabilization=0",
    ]


def test_an_incident_can_be_carried_elsewhere_and_replayed_there(run, journal, redis_client):
    assert run("export", "incident.jsonl").exit_code == 0
    redis_client.flushall()
    answer = run("replay", "incident.jsonl", "--json")
    [facts] = json.loads(answer.output)
    assert (facts["name"], facts["most"], facts["policy"]) == ("as it is", 3, str(Policy()))


def test_only_the_time_that_was_asked_for_is_exported(run, journal, tmp_path):
    run("export", "all.jsonl", "--last", "1h")
    run("export", "some.jsonl", "--last", "100s")
    assert len((tmp_path / "all.jsonl").read_text().splitlines()) == 600
    assert 95 <= len((tmp_path / "some.jsonl").read_text().splitlines()) <= 100


def test_a_decision_that_the_policy_would_not_make_fails_and_is_shown(run, journal, tmp_path):
    run("export", "incident.jsonl")
    lines = (tmp_path / "incident.jsonl").read_text().splitlines()
    meddled = json.loads(lines[400]) | {"target": "9"}
    (tmp_path / "incident.jsonl").write_text("\n".join([*lines[:400], json.dumps(meddled), *lines[401:]]))
    answer = run("replay", "incident.jsonl")
    assert answer.exit_code == 1
    assert "1 differ:" in answer.output
    assert "recorded 9, now 1" in answer.output


@pytest.mark.parametrize("line", ["no json", "{}", "[1]", '{"at": "soon"}'])
def test_a_file_that_is_no_export_is_refused_with_the_line(run, tmp_path, line):
    (tmp_path / "file").write_text(line)
    answer = run("replay", "file")
    assert answer.exit_code == 1
    assert "line 1 is no decision" in answer.output


def test_without_decisions_there_is_nothing_to_replay(run):
    answer = run("replay")
    assert answer.exit_code == 1
    assert "there are no decisions" in answer.output


@pytest.mark.parametrize("shape", ["steady", "ramp", "spike", "day", "herd"])
def test_every_shape_can_be_simulated(run, shape):
    [facts] = json.loads(run("simulate", shape, "--length", "10m", "--peak", "3", "--json").output)
    assert facts["seconds"] == 600
    assert facts["requests"] > 0


def log_of(seconds: int) -> bytes:
    line = b'1.2.3.4 - - [01/Mar/2026:12:%02d:%02d +0000] "GET %s HTTP/1.1" 200 1\n'
    return b"".join(line % (n // 60, n % 60, path) for n in range(seconds) for path in (b"/api/v1/acts", b"/"))


def test_an_access_log_can_be_simulated_also_gzipped(run, tmp_path):
    (tmp_path / "access.log").write_bytes(log_of(300))
    (tmp_path / "access.log.gz").write_bytes(gzip.compress(log_of(300)))
    plain, packed = (json.loads(run("simulate", name, "--json").output) for name in ("access.log", "access.log.gz"))
    assert plain == packed
    assert (plain[0]["requests"], plain[0]["seconds"]) == (600, 300)
    [facts] = json.loads(run("simulate", "access.log", "--prefix", "/api/", "--json").output)
    assert facts["requests"] == 300


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["nowhere.csv"], 1, "nowhere.csv: No such file or directory; the shapes are steady"),
        (["empty.csv"], 1, "no line has a time"),
        (["fake.log.gz"], 1, "fake.log.gz"),
        (["day", "--policy", "windw=3"], 2, "'windw' is no number of the policy"),
        (["day", "--length", "long"], 2, "'long' is no length of time"),
        (["day", "--peak", "0"], 2, "0"),
    ],
)
def test_what_cannot_be_simulated_is_told_in_a_sentence(run, tmp_path, words, code, complaint):
    (tmp_path / "empty.csv").touch()
    (tmp_path / "fake.log.gz").write_bytes(b"not packed\n")
    answer = run("simulate", *words)
    assert answer.exit_code == code
    assert complaint in answer.output


POLICIES_PAGE = ROOT / "docs" / "policies.md"
SHOWN = [
    line.split(None, 1)[1] for line in POLICIES_PAGE.read_text().splitlines() if line.startswith("    selfieless ")
]


@pytest.mark.parametrize("line", SHOWN)
def test_the_charts_of_the_page_are_drawn_by_the_lines_above_them(run, tmp_path, line):
    (tmp_path / "docs").mkdir()
    answer = run(*shlex.split(line), "--length", "5m")
    assert answer.exit_code == 0
    chart = line.rsplit(None, 1)[1]
    assert (tmp_path / chart).read_bytes().startswith(b"\x89PNG")
    assert f"]({Path(chart).name})" in POLICIES_PAGE.read_text()


def test_a_chart_of_a_replay_is_drawn(run, journal, tmp_path):
    answer = run("replay", "--chart", "incident.png")
    assert answer.exit_code == 0
    assert "incident.png is drawn." in answer.output
    assert (tmp_path / "incident.png").exists()


def test_a_chart_that_cannot_be_written_is_told(run, journal):
    answer = run("replay", "--chart", "nowhere/incident.png")
    assert answer.exit_code == 1
    assert "No such file or directory" in answer.output
