"""The drawings on buttons."""

import re
from pathlib import Path

import acts_app
from acts_app.icons import ICONS

TEMPLATES = Path(acts_app.__file__).parent / "templates"


def test_every_drawing_that_a_template_names_is_there_and_hidden_from_screen_readers() -> None:
    named = {name for file in TEMPLATES.glob("*.html") for name in re.findall(r"icons\.(\w+)", file.read_text())}
    assert named == ICONS.keys()
    assert all('aria-hidden="true"' in drawing for drawing in ICONS.values())
