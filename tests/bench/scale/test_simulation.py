"""The simulation as a command."""

import csv
import subprocess
import sys
from pathlib import Path

SCALE = Path(__file__).parent


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCALE), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_it_writes_figures_and_curves(tmp_path: Path) -> None:
    sizes = ("--proxies", "20", "--containers", "30", "--requests", "10000", "--deaths", "3", "--trip", "10")
    done = run("simulate", *sizes, "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    with (tmp_path / "scale-simulation.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["load"] for row in rows} == {"even", "skewed"}
    assert {row["spread"] for row in rows if row["design"] == "shared turn"} == {"1"}
    assert (tmp_path / "scale-counts.csv").read_text().count("\n") == 6
    assert (tmp_path / "scale-spread.png").read_bytes().startswith(b"\x89PNG")
    assert "leases of 10" in done.stderr


def test_it_says_how_many_proxies_it_can_tell_apart() -> None:
    done = run("simulate", "--proxies", "40000")
    assert (done.returncode, done.stderr) == (
        1,
        "At most 32,767 proxies, the dead included: their numbers have 16 bits.\n",
    )


def test_help_tells_both_commands() -> None:
    assert "redis" in run("--help").stdout
