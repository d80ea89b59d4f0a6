"""Images for tests, made without a registry: a base image from Debian's packages, and what is built upon it."""

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path

from conftest import missing
from docker import APIClient

from deploy.runtime.base import RuntimeAway
from deploy.runtime.docker_engine import connect

BASE = "selfieless-test-base:bookworm"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "selfieless" / "bookworm.tar"
INCLUDE = "python3,python3-venv,ca-certificates"


def engine() -> APIClient:
    """A client of the engine, which has the base image then; skips the test where that cannot be had."""
    try:
        api = connect()
    except RuntimeAway as error:
        missing("docker", f"start a Docker engine, or name one with DOCKER_HOST ({error})")
    if not api.images(name=BASE):
        make_base(api)
    return api


def make_base(api: APIClient) -> None:
    """Import the base image into the engine. The first time on a machine this takes a minute, as root."""
    if not CACHE.exists():
        if shutil.which("debootstrap") is None or os.geteuid() != 0:
            missing("docker", "apt-get install debootstrap, and run as root, so that a base image can be made")
        debootstrap(CACHE)
    repository, tag = BASE.split(":")
    api.import_image_from_file(str(CACHE), repository=repository, tag=tag)


def debootstrap(to: Path) -> None:
    """A small Debian with Python, as one tar file."""
    root = to.with_suffix(".root")
    shutil.rmtree(root, ignore_errors=True)  # what an interrupted attempt has left
    root.mkdir(parents=True)
    command = ["debootstrap", "--variant=minbase", f"--include={INCLUDE}", "bookworm", str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    part = to.with_suffix(".part")
    subprocess.run(["tar", "-C", str(root), "-cf", str(part), "."], check=True)
    shutil.rmtree(root)
    part.replace(to)


def build(api: APIClient, name: str, dockerfile: str, files: Iterable[Path]) -> None:
    """Build an image of these files; {base} in the Dockerfile is the base image. Raises AssertionError with the log."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as tar:
        text = dockerfile.format(base=BASE).encode()
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
        for path in files:
            tar.add(path, arcname=path.name)
    context.seek(0)
    steps = list(api.build(fileobj=context, custom_context=True, tag=name, rm=True, forcerm=True, decode=True))
    assert "error" not in steps[-1], steps[-3:]
