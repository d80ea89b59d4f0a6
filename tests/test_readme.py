"""The README names every variable that the code reads and every Redis key that somebody may look at."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("lb", "deploy", "autoscaler", "monitor", "acts_app")
READ = re.compile(r'\benv\.\w+\(\s*"([A-Z][A-Z0-9_]+)"')
# Set by the parts for each other, not by people.
INTERNAL = {"PORT", "CONTAINER_NUMBER", "ACTS_BIND"}


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def test_every_variable_that_is_read_is_explained() -> None:
    readme = (ROOT / "README.md").read_text()
    read = {name for path in sources() for name in READ.findall(path.read_text())}
    assert len(read) > 15
    assert sorted(name for name in read - INTERNAL if f"`{name}`" not in readme) == []


def test_every_variable_that_is_explained_is_read() -> None:
    table = (ROOT / "README.md").read_text().partition("## Variables")[2].partition("\n## ")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    explained = {name for cell in first_cells for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", cell)}
    code = "\n".join(path.read_text() for path in sources())
    assert sorted(name for name in explained if f'"{name}"' not in code) == []


def test_every_folder_is_explained() -> None:
    readme = (ROOT / "README.md").read_text()
    folders = [path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists()]
    assert sorted(folders) == sorted(PACKAGES)
    assert [name for name in folders if f"`{name}/`" not in readme] == []
