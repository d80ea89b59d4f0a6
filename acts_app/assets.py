"""Style, scripts and drawings, under a path that changes with their content, so that browsers keep them for ever."""

import hashlib
from pathlib import Path

from flask import Blueprint, Response, current_app, send_from_directory

FOLDER = Path(__file__).parent / "static"
VERSION = "ASSET_VERSION"  # in the application's config
routes = Blueprint("assets", __name__)


def asset_version(folder: Path = FOLDER) -> str:
    """A short hash over all files."""
    digest = hashlib.sha256()
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def asset_url(name: str) -> str:
    """Where the file is. Relative imports between modules stay within the version."""
    return f"/static/{current_app.config[VERSION]}/{name}"


@routes.get("/static/<version>/<path:name>")
def asset(version: str, name: str) -> Response:
    """A file. Containers of two versions may serve one page: then the file comes, but nobody keeps it."""
    response = send_from_directory(FOLDER, name, max_age=0)
    if version == current_app.config[VERSION]:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
