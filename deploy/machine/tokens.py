"""Secrets that are made at the first start and kept in STATE_DIR for the next."""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lb.secret_files import content

NAMES = ("CRASH_TOKEN", "ADMIN_TOKEN")


def tokens(state_dir: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Every token by its variable's name: what the environment gives, else what was made here before or is now."""
    return {name: given(environment, name) or kept(state_dir / name.lower()) for name in NAMES}


def given(environment: Mapping[str, str], name: str) -> str:
    """The variable, or what the file holds that NAME_FILE names. Raises environs.EnvError if that cannot be read."""
    file = environment.get(f"{name}_FILE", "")
    return environment.get(name, "") or (content(f"{name}_FILE", file) if file else "")


def kept(path: Path) -> str:
    """The secret in the file, made first where there is none; only its owner may read it (mode 600)."""
    if not path.exists():
        # Linked into place complete, so that nobody ever reads half a secret, and the first of two makers wins.
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as draft, contextlib.suppress(FileExistsError):
            draft.write(secrets.token_urlsafe(24) + "\n")
            draft.flush()
            os.link(draft.name, path)
    return path.read_text().strip()
