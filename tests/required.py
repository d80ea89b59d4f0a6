"""What a test needs of the machine: its lack skips the test, or fails it where REQUIRE names it."""

import os

import pytest

REQUIRED = {name.strip() for name in os.environ.get("REQUIRE", "").split(",") if name.strip()}


def missing(name: str, fix: str) -> None:
    """Skip the test because the machine lacks `name`; fail instead where REQUIRE names it."""
    sentence = f"{name} is not here: {fix}"
    if name in REQUIRED:
        pytest.fail(f"{sentence} (REQUIRE={name})", pytrace=False)
    pytest.skip(sentence)
