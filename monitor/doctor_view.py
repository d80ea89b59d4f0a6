"""The doctor's findings as people and as scripts read them."""

from typing import Any

from rich.table import Table
from rich.text import Text

from deploy.machine.doctor import Finding, Grade

MARKS = {Grade.GOOD: ("ok", "green"), Grade.MISSING: ("-", "yellow"), Grade.BAD: ("NO", "bold red")}


def as_text(findings: list[Finding]) -> Table:
    """One line for each finding, and under what is wrong the fix."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        mark, colour = MARKS[finding.grade]
        table.add_row(Text(mark, colour), finding.name, Text(finding.found))
        if finding.fix:
            table.add_row("", "", Text(f"→ {finding.fix}", "dim" if finding.grade is Grade.MISSING else "bold"))
    return table


def as_json(findings: list[Finding]) -> list[dict[str, Any]]:
    """For scripts."""
    return [{"name": one.name, "grade": str(one.grade), "found": one.found, "fix": one.fix} for one in findings]
