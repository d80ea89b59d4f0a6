"""Style, scripts and drawings, under a path that changes with their content, so that browsers keep them for ever.

They are few and small, so a container holds them in memory, the texts gzipped as well.
"""

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, request

from acts_app.answers import Refused

FOLDER = Path(__file__).parent / "static"
VERSION, ASSETS = "ASSET_VERSION", "ASSETS"  # in the application's config
PACKED = (".css", ".js", ".svg", ".txt")  # fonts are packed already
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".woff2": "font/woff2"}
routes = Blueprint("assets", __name__)


@dataclass(frozen=True)
class Asset:
    """One file. `packed` is gzip, or empty where that gains nothing."""

    data: bytes
    packed: bytes
    kind: str


def load(folder: Path = FOLDER) -> dict[str, Asset]:
    """All files by their names relative to the folder."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): read(path) for path in paths}


def read(path: Path) -> Asset:
    """One file."""
    data = path.read_bytes()
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Asset(data, gzip.compress(data, mtime=0) if path.suffix in PACKED else b"", kind)


def install(app: Flask) -> None:
    """Give the application its files and their version, a short hash over all of them."""
    files = load()
    digest = hashlib.sha256()
    for name, asset in files.items():
        digest.update(name.encode() + asset.data)
    app.config[ASSETS], app.config[VERSION] = files, digest.hexdigest()[:12]


def asset_url(name: str) -> str:
    """Where the file is. Relative imports between modules stay within the version."""
    return f"/static/{current_app.config[VERSION]}/{name}"


@routes.get("/static/<version>/<path:name>")
def asset(version: str, name: str) -> Response:
    """A file. Containers of two versions may serve one page: then the file comes, but nobody keeps it."""
    found: Asset | None = current_app.config[ASSETS].get(name)
    if found is None:
        raise Refused(404, "There is nothing at this address.")
    current = version == current_app.config[VERSION]
    packed = bool(found.packed) and request.accept_encodings.quality("gzip") > 0
    response = Response(found.packed if packed else found.data, content_type=found.kind)
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if current else "no-cache"
    if found.packed:
        response.vary.add("Accept-Encoding")
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    return response
