"""The end of all containers, by a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from helpers import ROOT, eventually, free_port

from deploy.runtime.local_process import LocalProcesses
from deploy.settings import DeploySettings


def clear(state_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "STATE_DIR": str(state_dir), "RUNTIME": "process", **variables}
    command = [sys.executable, "-m", "deploy.machine.clear"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_every_container_is_ended_whoever_has_started_it(tmp_path: Path) -> None:
    runtime = LocalProcesses(DeploySettings(state_dir=tmp_path, command=(sys.executable, "-m", "http.server", "0")))
    for _ in range(2):
        runtime.start(free_port(), generation=1)
    assert len(runtime.running()) == 2
    done = clear(tmp_path)
    assert done.returncode == 0, done.stderr
    eventually(lambda: not runtime.running(), within=5)
    runtime.close()


def test_without_containers_there_is_nothing_to_do(tmp_path: Path) -> None:
    assert clear(tmp_path).returncode == 0


def test_a_wrong_variable_is_a_sentence(tmp_path: Path) -> None:
    done = clear(tmp_path, FIRST_PORT="first")
    assert done.returncode == 2
    assert done.stderr.startswith("clear: FIRST_PORT=first")


def test_an_engine_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    done = clear(tmp_path, RUNTIME="docker", DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
