"""The README explains every folder, the reference every variable that the code reads; no link leads nowhere."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference.md"
PACKAGES = ("lb", "deploy", "autoscaler", "monitor", "acts_app")
READ = re.compile(r'\benv\.\w+\(\s*"([A-Z][A-Z0-9_]+)"')
# Set by the parts for each other, not by people.
INTERNAL = {"PORT", "CONTAINER_NUMBER", "ACTS_BIND"}


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def test_every_variable_that_is_read_is_explained() -> None:
    reference = REFERENCE.read_text()
    read = {name for path in sources() for name in READ.findall(path.read_text())}
    assert len(read) > 15
    assert sorted(name for name in read - INTERNAL if f"`{name}`" not in reference) == []


def test_every_variable_that_is_explained_is_read() -> None:
    table = REFERENCE.read_text().partition("## Variables")[2].partition("\n## ")[0]
    first_cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    explained = {name for cell in first_cells for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", cell)}
    code = "\n".join(path.read_text() for path in sources())
    assert sorted(name for name in explained if f'"{name}"' not in code) == []


def test_every_folder_is_explained() -> None:
    readme = (ROOT / "README.md").read_text()
    folders = [path.name for path in ROOT.iterdir() if path.is_dir() and (path / "__init__.py").exists()]
    assert sorted(folders) == sorted(PACKAGES)
    assert [name for name in folders if f"`{name}/`" not in readme] == []


def test_every_link_to_a_file_leads_to_one() -> None:
    pages = [ROOT / "README.md", ROOT / "lb" / "README.md", *(ROOT / "docs").glob("*.md")]
    targets = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text())]
    assert len(targets) > 10
    assert [(page.name, link) for page, link in targets if not (page.parent / link).exists()] == []
