"""Images under their own URLs."""

import base64
import io
from typing import Any

import pytest
import redis
from acts_samples import API, act
from PIL import Image


def picture(kind: str = "PNG", colour: str = "teal") -> bytes:
    """A small picture."""
    out = io.BytesIO()
    Image.new("RGB", (32, 24), colour).save(out, kind)
    return out.getvalue()


def upload(client: Any, data: bytes, act_id: int = 1) -> None:
    """Upload it through the protocol."""
    body = act(act_id, imgB64=base64.b64encode(data).decode())
    assert client.post(f"{API}/acts", json=body).status_code == 201


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF"])
def test_an_image_comes_as_it_was_uploaded_with_its_own_type(stocked: Any, kind: str) -> None:
    upload(stocked, picture(kind))
    got = stocked.get("/acts/1/image")
    assert (got.data, got.content_type) == (picture(kind), f"image/{kind.lower()}")
    assert got.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("data", [b"<script>alert(1)</script>", b"<svg onload='alert(1)'/>", b"%PDF-1.7", b"ABC"])
def test_anything_else_is_a_download(stocked: Any, data: bytes) -> None:
    upload(stocked, data)
    got = stocked.get("/acts/1/image")
    assert (got.data, got.content_type) == (data, "application/octet-stream")
    assert got.headers["Content-Disposition"].startswith("attachment")
    assert got.headers["Content-Security-Policy"].endswith("sandbox")


def test_a_known_version_is_kept_for_ever_and_costs_nothing_again(stocked: Any) -> None:
    upload(stocked, picture())
    version = stocked.get("/acts/1/image").headers["ETag"].strip('"')
    got = stocked.get(f"/acts/1/image?v={version}")
    assert "immutable" in got.headers["Cache-Control"]
    again = stocked.get("/acts/1/image", headers={"If-None-Match": got.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert "immutable" not in stocked.get("/acts/1/image?v=7777").headers["Cache-Control"]


def test_the_same_id_uploaded_anew_is_another_version(stocked: Any) -> None:
    upload(stocked, picture())
    first = stocked.get("/acts/1/image").headers["ETag"]
    small = stocked.get("/acts/1/thumbnail").data
    stocked.delete(f"{API}/acts/1")
    upload(stocked, picture(colour="red"))
    assert stocked.get("/acts/1/image", headers={"If-None-Match": first}).status_code == 200
    assert stocked.get("/acts/1/thumbnail").data != small


@pytest.mark.parametrize(
    ("wanted", "code", "begin", "end"),
    [("bytes=0-9", 206, 0, 10), ("bytes=10-", 206, 10, None), ("bytes=-5", 206, -5, None), ("bytes=99999-", 416, 0, 0)],
)
def test_ranges_are_served(*, stocked: Any, wanted: str, code: int, begin: int, end: int | None) -> None:
    upload(stocked, picture())
    got = stocked.get("/acts/1/image", headers={"Range": wanted})
    assert got.status_code == code
    if code == 206:
        assert got.data == picture()[begin:end]


def test_a_thumbnail_is_made_once_and_stored(stocked: Any, redis_client: redis.Redis) -> None:
    upload(stocked, picture())
    got = stocked.get("/acts/1/thumbnail")
    assert got.content_type == "image/webp"
    redis_client.set("store:thumbnail:1", "kept")
    assert stocked.get("/acts/1/thumbnail").data == b"kept"


@pytest.mark.parametrize("data", [b"", b"no picture"])
def test_an_act_without_a_picture_gets_our_drawing(stocked: Any, data: bytes) -> None:
    upload(stocked, data)
    got = stocked.get("/acts/1/thumbnail", follow_redirects=True)
    assert (got.status_code, got.mimetype) == (200, "image/svg+xml")


@pytest.mark.parametrize("path", ["/acts/2/image", "/acts/2/thumbnail", "/acts/x/image", "/acts/-1/image", "/acts/2"])
def test_an_image_of_no_act_is_404(stocked: Any, path: str) -> None:
    assert stocked.get(path).status_code == 404


def test_a_head_request_tells_the_size(stocked: Any) -> None:
    upload(stocked, picture())
    got = stocked.head("/acts/1/image")
    assert (got.data, got.headers["Content-Length"]) == (b"", str(len(picture())))


def test_a_full_store_still_shows_thumbnails(stocked: Any, redis_client: redis.Redis) -> None:
    upload(stocked, picture())
    redis_client.config_set("maxmemory", "1")
    try:
        assert stocked.get("/acts/1/thumbnail").content_type == "image/webp"
    finally:
        redis_client.config_set("maxmemory", "0")
