"""The one secret that signs every container's session cookies: given, or made at the first start and kept."""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from acts_app.settings import ActsSettings

FILE = "session_secret"  # in STATE_DIR, readable by its owner alone (mode 600)


def session_secret(settings: ActsSettings) -> str:
    """SESSION_SECRET, or the one in STATE_DIR. OSError where neither is given and nothing can be written."""
    return settings.session_secret or kept(settings.state_dir / FILE)


def kept(path: Path) -> str:
    """The secret in the file, made first where there is none."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Linked into place complete: nobody ever reads half a secret, and the first of several containers wins.
        with tempfile.NamedTemporaryFile("w", dir=path.parent) as draft, contextlib.suppress(FileExistsError):
            draft.write(secrets.token_urlsafe(32) + "\n")
            draft.flush()
            os.link(draft.name, path)
    return path.read_text().strip()
