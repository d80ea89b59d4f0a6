"""The doctor's findings as people and as scripts read them."""

import io

from rich.console import Console

from deploy.machine.doctor import Finding, Grade
from monitor.doctor_view import as_json, as_text

FINDINGS = [
    Finding("Python", Grade.GOOD, "3.11.7"),
    Finding("wrk", Grade.MISSING, "not installed", "apt-get install wrk"),
    Finding("Ports", Grade.BAD, "8000 [is] taken", "Choose FIRST_PORT"),
]


def test_every_finding_has_its_mark_and_its_fix():
    file = io.StringIO()
    Console(file=file, width=100).print(as_text(FINDINGS))
    assert [line.strip() for line in file.getvalue().splitlines()] == [
        "ok  Python  3.11.7",
        "-   wrk     not installed",
        "→ apt-get install wrk",
        "NO  Ports   8000 [is] taken",
        "→ Choose FIRST_PORT",
    ]


def test_the_json_has_every_field():
    assert as_json(FINDINGS)[2] == {
        "name": "Ports",
        "grade": "bad",
        "found": "8000 [is] taken",
        "fix": "Choose FIRST_PORT",
    }
