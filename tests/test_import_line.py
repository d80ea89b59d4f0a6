"""The import graph is a promise: lb < deploy < autoscaler < monitor, and acts_app stands alone.

A package imports itself and what stands to its left. Read from the source, so that nothing has to be importable.
"""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINE = ("lb", "deploy", "autoscaler", "monitor")
ALONE = ("acts_app",)
COMPOSITION = "monitor.machine_commands"  # starts all parts, and reads the settings of all of them first
HOMES = {
    "docker": ("deploy.runtime",),
    "rq": ("deploy",),
    "supervisor": ("deploy",),
    "flask": ("acts_app", "monitor.dashboard"),
}


def sources() -> dict[str, Path]:
    """Every module of ours by its dotted name."""
    files = (file for package in (*LINE, *ALONE) for file in (ROOT / package).rglob("*.py"))
    return {dotted(file): file for file in files}


def dotted(file: Path) -> str:
    """The name under which a file is imported."""
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(module: str, file: Path) -> Iterator[tuple[str, int]]:
    """Every name that a file imports, wherever in it, with the line."""
    for node in ast.walk(ast.parse(file.read_text(), str(file))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            base = absolute(module, file, node)
            yield from ((f"{base}.{alias.name}", node.lineno) for alias in node.names)


def absolute(module: str, file: Path, node: ast.ImportFrom) -> str:
    """The module that a `from … import` names, relative ones resolved."""
    if not node.level:
        return node.module or ""
    package = module.split(".") if file.name == "__init__.py" else module.split(".")[:-1]
    kept = package[: len(package) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def package_of(name: str) -> str:
    """The first part of a dotted name."""
    return name.partition(".")[0]


def allowed(module: str) -> set[str]:
    """The packages of ours that a module may import."""
    package = package_of(module)
    if module == COMPOSITION:
        return {*LINE, *ALONE}
    return {package} if package in ALONE else set(LINE[: LINE.index(package) + 1])


def trespasses(module: str, file: Path) -> Iterator[str]:
    """What a file imports from where it must not, in words."""
    for name, line in imports(module, file):
        package = package_of(name)
        if package in (*LINE, *ALONE) and package not in allowed(module):
            yield f"{module}:{line} imports {name}"
        homes = HOMES.get(package)
        if homes and not any(f"{module}.".startswith(f"{home}.") for home in homes):
            yield f"{module}:{line} imports {name}, which belongs in {' and '.join(homes)} only"


def module_graph() -> dict[str, set[str]]:
    """Which of our modules imports which."""
    known = sources()
    graph: dict[str, set[str]] = {}
    for module, file in known.items():
        targets = {nearest(name, known) for name, _ in imports(module, file)}
        graph[module] = {target for target in targets if target and target != module}
    return graph


def nearest(name: str, known: dict[str, Path]) -> str | None:
    """The module that an imported name is, or lies in; None when it is not ours."""
    if name in known:
        return name
    parent = name.rpartition(".")[0]
    return parent if parent in known else None


@pytest.mark.parametrize("package", [*LINE, *ALONE])
def test_a_package_imports_only_what_stands_to_its_left(package: str) -> None:
    files = {module: file for module, file in sources().items() if package_of(module) == package}
    assert files, f"{package} is gone"
    assert [found for module, file in files.items() for found in trespasses(module, file)] == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(module_graph()).prepare()
    except CycleError as circle:
        pytest.fail(f"a circle of imports: {' → '.join(circle.args[1])}", pytrace=False)


def test_no_import_hides_inside_a_function() -> None:
    """A late import is how a circle is hidden."""
    hidden = [
        f"{module}:{statement.lineno}"
        for module, file in sources().items()
        for function in ast.walk(ast.parse(file.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for statement in ast.walk(function)
        if isinstance(statement, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


class TestTheTestItself:
    """It would notice."""

    @pytest.mark.parametrize(
        ("module", "line", "noticed"),
        [
            ("lb.ring", "import deploy.orders", True),
            ("lb.ring", "from deploy import orders", True),
            ("lb.ring", "def late():\n    from monitor.poller import Poller", True),
            ("lb.ring", "from . import turns", False),
            ("lb.ring", "from ..deploy import orders", True),
            ("lb.ring", "import redis", False),
            ("deploy.launcher", "from lb.events import Event", False),
            ("deploy.launcher", "import docker", True),
            ("deploy.runtime.docker_engine", "import docker.errors", False),
            ("autoscaler.scaler", "from rq import Queue", True),
            ("deploy.job_queue", "from rq import Queue", False),
            ("monitor.poller", "from autoscaler.policy import Policy", False),
            ("monitor.poller", "from acts_app.store import Store", True),
            ("monitor.machine_commands", "from acts_app import settings", False),
            ("acts_app.store", "from lb.settings import PORT", True),
            ("acts_app.factory", "from flask import Flask", False),
            ("lb.worker", "from gunicorn.workers.base import Worker", False),
        ],
    )
    def test_it_tells_what_may_be_from_what_may_not(self, tmp_path, module, line, noticed) -> None:
        file = tmp_path / "module.py"
        file.write_text(line + "\n")
        assert bool(list(trespasses(module, file))) is noticed
