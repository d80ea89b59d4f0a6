"""The units in deploy/systemd, as systemd itself reads and judges them; systemd need not run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT
from required import missing

from deploy.part import PARTS

UNITS = ROOT / "deploy" / "systemd"
INSTALLED = "/opt/selfieless"  # where the units expect the checkout
STARTED = ("selfieless.service", "selfieless@lb.service", "selfieless@deploy.service", "selfieless-redis@acts.service")
EXPOSURE = 20  # of 100, as `systemd-analyze security` counts; a unit that says nothing has 96


def analyze(*words: str) -> str:
    """What systemd-analyze prints; it must succeed."""
    if shutil.which("systemd-analyze") is None:
        missing("systemd", "apt-get install systemd")
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units with programs that are here, so that systemd can look for them; users and folders need not be."""
    copy = tmp_path / "units"
    shutil.copytree(UNITS, copy)
    for path in copy.rglob("*.service"):
        text = path.read_text().replace(f"{INSTALLED}/.venv/bin/selfieless", sys.executable)
        text = text.replace(f"{INSTALLED}/.venv/bin/python", sys.executable).replace(
            "/usr/bin/redis-server", "/bin/true"
        )
        path.write_text(text)
    return copy


def test_systemd_understands_every_line(units: Path) -> None:
    names = [path for path in sorted(units.iterdir()) if path.is_file()]
    assert len(names) >= 5
    assert analyze("verify", *map(str, names), *(str(units / name) for name in STARTED)) == ""


@pytest.mark.parametrize("unit", [*STARTED, "selfieless@monitor.service", "selfieless-containers.service"])
def test_every_unit_is_confined(units: Path, unit: str) -> None:
    analyze("security", "--offline=true", f"--threshold={EXPOSURE}", str(units / unit))


def test_only_what_binds_port_80_has_a_power_and_it_is_that_one() -> None:
    powers = {
        (path.relative_to(UNITS).parts[0].removesuffix(".d"), power)
        for path in UNITS.rglob("*.*")
        if path.is_file()
        for power in re.findall(r"^(?:Ambient|Bounding)\w*=(.+)$", path.read_text(), re.MULTILINE)
    }
    assert powers == {(name, "CAP_NET_BIND_SERVICE") for name in ("selfieless.service", "selfieless@lb.service")}


def test_the_target_wants_every_part() -> None:
    target = (UNITS / "selfieless-parts.target").read_text()
    assert set(re.findall(r"selfieless@(\w+)\.service", target)) == set(PARTS)


def test_whatever_is_started_is_where_the_units_say() -> None:
    for path in UNITS.rglob("*.service"):
        for module in re.findall(r"python -m (\S+)", path.read_text()):
            assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), f"{path.name}: {module}"
