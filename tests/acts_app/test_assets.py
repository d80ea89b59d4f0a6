"""Style, scripts and drawings."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from acts_app.assets import FOLDER, load


def test_a_file_is_kept_for_ever_under_the_present_version(client: Any) -> None:
    version = client.application.config["ASSET_VERSION"]
    got = client.get(f"/static/{version}/style.css")
    assert (got.data, got.mimetype) == ((FOLDER / "style.css").read_bytes(), "text/css")
    assert "immutable" in got.headers["Cache-Control"]
    assert client.get("/static/other/style.css").headers["Cache-Control"] == "no-cache"


def test_texts_travel_packed(client: Any) -> None:
    got = client.get("/static/x/main.js", headers={"Accept-Encoding": "gzip"})
    assert (got.headers["Content-Encoding"], got.mimetype) == ("gzip", "text/javascript")
    assert gzip.decompress(got.data) == (FOLDER / "main.js").read_bytes()


@pytest.mark.parametrize("name", ["none.css", "../settings.py", "..%2Fsettings.py", "%2e%2e/settings.py", "fonts", ""])
def test_there_is_no_way_out_of_the_folder(client: Any, name: str) -> None:
    assert client.get(f"/static/x/{name}").status_code == 404


def test_every_file_is_named_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.woff2").write_bytes(b"font")
    assert {name: (asset.kind, asset.packed) for name, asset in load(tmp_path).items()} == {
        "a/b.woff2": ("font/woff2", b"")
    }


def test_every_asset_that_a_page_or_a_module_names_is_there(client: Any) -> None:
    for path in ("/", "/login", "/nothing"):
        page = client.get(path, headers={"Accept": "text/html"}).text
        for piece in page.split('"/static/')[1:]:
            assert client.get("/static/" + piece.split('"')[0]).status_code == 200
