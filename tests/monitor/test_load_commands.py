"""`top` and `bench` as they are typed; `bench` against real servers."""

import json

import pytest
from click.testing import CliRunner
from helpers import free_port
from sick_servers import response, says

from monitor.cli import cli
from monitor.load_commands import facts_of


@pytest.fixture
def run(redis_server, redis_client, tmp_path, monkeypatch):
    """Runs a command in this process; `lb_port` is where it takes the service to be."""

    def runs(*words: str, lb_port: int = 9):
        monkeypatch.setenv("LB_PORT", str(lb_port))
        return CliRunner().invoke(cli, words, catch_exceptions=False)

    monkeypatch.setenv("REDIS_URL", redis_server.url)
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    return runs


def test_a_bench_tells_how_requests_were_answered(run, serve):
    server = serve(says(response("200 OK", b"[1]", "X-Served-By: 2")))
    answer = run("bench", "/api/x", "--rate", "50", "--length", "1s", "--json", lb_port=server.port)
    assert answer.exit_code == 0
    facts = json.loads(answer.output)
    assert facts["sent"] >= 40
    assert (facts["lost"], facts["statuses"], facts["containers"]) == (0, {"200": facts["sent"]}, {"2": facts["sent"]})
    assert facts["p50_ms"] <= facts["p99_ms"] <= facts["longest_ms"]
    assert server.heads[0].startswith(b"GET /api/x HTTP/1.1")


def test_a_bench_that_loses_requests_fails_and_says_why(run, serve):
    server = serve(says(response("502 Bad Gateway", b"nobody there")))
    answer = run("bench", "--rate", "20", "--length", "0.5s", lb_port=server.port)
    assert answer.exit_code == 1
    assert "requests were lost (nobody there)" in answer.output
    assert "times 502" in answer.output


def test_a_bench_of_nothing_that_listens_loses_everything(run):
    answer = run("bench", "--rate", "20", "--length", "0.5s", lb_port=free_port())
    assert answer.exit_code == 1
    assert "were lost (ConnectionRefusedError" in answer.output


def test_a_path_that_is_none_is_refused(run):
    assert run("bench", "acts").exit_code == 2
    assert run("bench", "--rate", "0").exit_code == 2


def test_nothing_sent_has_no_times():
    facts = facts_of([])
    assert (facts["sent"], facts["p50_ms"], facts["per_second"]) == (0, None, None)


def test_top_shows_the_containers_first_columns_and_how_busy_they_are(run, ward):
    ward.start(8000, 8001)
    answer = run("top", "-n", "1")
    assert answer.exit_code == 0
    header = next(line for line in answer.output.splitlines() if "Container number" in line)
    assert header.split()[:6] == ["Container", "number", "Port", "Status", "Turn", "Requests/s"]
    assert len([line for line in answer.output.splitlines() if " running " in line]) == 2


def test_top_for_scripts_is_one_object_for_each_look(run, ward):
    ward.start(8000)
    looks = [json.loads(line) for line in run("top", "-n", "2", "--json").output.splitlines()]
    assert [look["containers"][0]["port"] for look in looks] == [8000, 8000]
    assert looks[0]["at"] < looks[1]["at"]
