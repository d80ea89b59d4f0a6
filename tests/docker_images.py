"""Images for tests, made without a registry: a base image from Debian's packages, and what is built upon it."""

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from docker import APIClient
from docker.errors import NotFound
from helpers import ROOT
from packaging.requirements import Requirement
from required import missing

from deploy.machine.redis_servers import find_binary
from deploy.runtime.base import RuntimeAway
from deploy.runtime.docker_engine import connect
from deploy.runtime.docker_settings import DockerSettings

BASE = "selfieless-test-base:bookworm"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "selfieless"
PINNED = re.compile(r"^[A-Za-z0-9._-]+(?:\[[^]]*\])?==[^\\\n]+", re.MULTILINE)
INCLUDE = "python3,python3-venv,ca-certificates"
MADE = re.compile(r"(acts:test|contract:|selfieless\.|slf-)")  # names that tests give, and those of kept images
CONTEXT = ("acts_app", "lb", "deploy", "autoscaler", "monitor", "requirements", "pyproject.toml", "README.md")
OF_THE_C_LIBRARY = re.compile(r"(ld-linux|lib(c|m|dl|rt|pthread|resolv)\.so)")
PYTHON = {"python_version": "3.11", "python_full_version": "3.11.2"}  # bookworm's


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
    packed = CACHE / "bookworm.tar"
    if not packed.exists():
        if shutil.which("debootstrap") is None or os.geteuid() != 0:
            missing("docker", "apt-get install debootstrap, and run as root, so that a base image can be made")
        debootstrap(packed)
    repository, tag = BASE.split(":")
    api.import_image_from_file(str(packed), repository=repository, tag=tag, changes=['CMD ["true"]'])


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


def wheels(requirements: Path) -> Path:
    """A folder with the wheels of a pinned file, for the base image's Python, which is not quite this one.

    So that one's markers choose; the image's own pip checks the hashes.
    """
    text = requirements.read_text()
    folder = CACHE / f"wheels-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    if not folder.exists():
        part = folder.with_suffix(".part")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python"]
        pins = map(Requirement, PINNED.findall(text))
        chosen = [f"{pin.name}{pin.specifier}" for pin in pins if pin.marker is None or pin.marker.evaluate(PYTHON)]
        subprocess.run([*command, "--only-binary=:all:", "--dest", str(part), *chosen], check=True)
        part.rename(folder)
    return folder


@contextmanager
def nothing_left_behind(api: APIClient) -> Iterator[None]:
    """What tests have made and not removed is removed at the end, and fails them."""
    before = ours(api)
    yield
    left = ours(api) - before
    for kind, name in sorted(left):
        remove(api, kind, name)
    assert not left, f"tests have left behind: {sorted(left)}"


def ours(api: APIClient) -> set[tuple[str, str]]:
    """Containers, images and networks that bear the marks of this project or its tests, as (kind, name)."""
    containers = api.containers(all=True, filters={"label": "selfieless.service"})
    tags = {tag for image in api.images() for tag in image["RepoTags"] or [] if MADE.match(tag)}
    unnamed = api.images(filters={"dangling": True, "label": "selfieless.inputs"})
    networks = [network["Name"] for network in api.networks() if MADE.match(network["Name"])]
    found = {("container", one["Id"]) for one in containers} | {("image", tag) for tag in tags}
    return found | {("image", one["Id"]) for one in unnamed} | {("network", name) for name in networks}


def remove(api: APIClient, kind: str, name: str) -> None:
    """Remove it, whatever its state; what is gone already is fine."""
    with suppress(NotFound):
        if kind == "container":
            api.remove_container(name, force=True, v=True)
        elif kind == "image":
            api.remove_image(name, force=True)
        else:
            api.remove_network(name)


def acts_settings(tag: str) -> DockerSettings:
    """How tests build the acts image, under this tag."""
    folder = wheels(ROOT / "requirements" / "acts.txt")
    return DockerSettings(image=f"acts:{tag}", base_image=BASE, wheels=str(folder))


def build(api: APIClient, name: str, dockerfile: str, files: Iterable[Path]) -> None:
    """Build an image of these files; {base} in the Dockerfile is the base image. Raises AssertionError with the log."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w", dereference=True) as tar:
        text = dockerfile.format(base=BASE).encode()
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
        for path in files:
            tar.add(path, arcname=path.name)
    context.seek(0)
    steps = list(api.build(fileobj=context, custom_context=True, tag=name, rm=True, forcerm=True, decode=True))
    assert "error" not in steps[-1], steps[-3:]


def orchestrator(api: APIClient, name: str) -> None:
    """Build the image of the parts. Raises AssertionError with the log."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w", dereference=True) as tar:
        for part in CONTEXT:
            tar.add(ROOT / part, arcname=part, filter=without_compiled)
        for requirements in ("lb", "orchestrator"):
            tar.add(wheels(ROOT / "requirements" / f"{requirements}.txt"), arcname="wheels")
    context.seek(0)
    options = {"dockerfile": "deploy/orchestrator.Dockerfile", "buildargs": {"BASE": BASE}}
    steps = list(
        api.build(fileobj=context, custom_context=True, tag=name, rm=True, forcerm=True, decode=True, **options)
    )
    assert "error" not in steps[-1], steps[-3:]


def without_compiled(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """What an image is built from, but for what running it has made; owned by root."""
    entry.uid = entry.gid = 0
    return None if "__pycache__" in entry.name else entry


def servers(api: APIClient) -> str:
    """An image with the programs of two public ones, Redis and HAProxy, taken from this machine; its name."""
    redis_server, haproxy = find_binary(), shutil.which("haproxy")
    if redis_server is None or haproxy is None:
        missing("docker", "apt-get install redis-server redis-tools haproxy")
    assert redis_server is not None
    programs = [redis_server.path, Path(shutil.which("redis-cli") or ""), Path(haproxy or "")]
    libraries = sorted({library for program in programs for library in libraries_of(program)})
    copy = "\n".join(f"COPY {path.name} /usr/local/lib/" for path in libraries)
    dockerfile = f"""FROM {{base}}
{copy}
COPY {" ".join(path.name for path in programs)} /usr/local/bin/
RUN ldconfig && useradd --uid 999 redis && install -d -o redis /data
WORKDIR /data
"""
    build(api, "selfieless-test-servers", dockerfile, [*programs, *libraries])
    return "selfieless-test-servers"


def libraries_of(program: Path) -> list[Path]:
    """The shared libraries of a program, but for those of the C library, which every image has."""
    told = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    paths = map(Path, re.findall(r"=> (/\S+)", told))
    return [path for path in paths if not OF_THE_C_LIBRARY.match(path.name)]
