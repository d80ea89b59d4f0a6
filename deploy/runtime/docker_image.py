"""The image that the docker runtime runs: our own is built where it is missing or made of something else now.

    selfieless.inputs   label of the acts image: a fingerprint of everything that it was built from

The context is put together here and holds nothing but what the image needs, whatever lies about in the checkout.
"""

import hashlib
import io
import re
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from textwrap import shorten
from typing import Any, cast

import requests
import urllib3
from docker import APIClient
from docker.errors import APIError, ImageNotFound

from deploy.runtime.base import ImageMissing, Tell
from deploy.runtime.docker_settings import DockerSettings
from deploy.settings import ROOT

LABEL = "selfieless.inputs"
DOCKERFILE = "deploy/acts.Dockerfile"
REQUIREMENTS = "requirements/acts.txt"
LAST_LINES = 5
KEPT_AS = "selfieless"  # before the service's name: the repository of the images that were deployed
KEPT = 5  # of them
EXACT = re.compile(r"@([0-9a-f]{12})\Z")
# Seconds without a word, after which an image counts as not to be had. A registry that can be reached says something
# within two; pip is silent over one big wheel on a slow line, and while a busy machine unpacks all of them.
FETCH_SILENCE = 10
BUILD_SILENCE = 180
BUILD_SECONDS = 600  # for all of it
STEP_WIDTH = 100  # characters of a step that are told: its kind and what it is about


def ensure(api: APIClient, docker: DockerSettings, tell: Tell) -> None:
    """Have the image in the engine: build ours, fetch another one. `tell` hears every step. Raises ImageMissing."""
    if docker.is_made_here:
        build(api, docker, tell)
    else:
        fetch(api, docker.image, tell)


def prepared(api: APIClient, docker: DockerSettings, service: str, image: str, tell: Tell) -> str:
    """The exact name of an image that is ready to be started, and kept for going back. Raises ImageMissing.

    The configured one is built where it is ours. One that is named is taken as it is, and fetched if it is not there.
    """
    if not image:
        ensure(api, docker, tell)
    else:
        fetch(api, reference_of(image), tell)
    exact = pinned(api, image or docker.image)
    keep(api, exact, f"{KEPT_AS}.{service.lower()}")
    return exact


def pinned(api: APIClient, image: str) -> str:
    """An image's exact name, acts@3f2a9c81d2e4: its id says what it is, whatever gets the name later."""
    if EXACT.search(image):
        return image
    answer = cast("dict[str, str]", api.inspect_image(image))  # type: ignore[no-untyped-call]
    return f"{image}@{answer['Id'].removeprefix('sha256:')[:12]}"


def reference_of(image: str) -> str:
    """What the engine knows an exact name by; any other name stays."""
    match = EXACT.search(image)
    return match[1] if match else image


def keep(api: APIClient, exact: str, repository: str) -> None:
    """Give an image a name of our own, which keeps it when another gets its name; the oldest kept ones lose theirs."""
    reference = reference_of(exact)
    api.tag(reference, repository, reference)
    kept = sorted(api.images(name=repository), key=lambda one: cast(int, one["Created"]), reverse=True)
    for old in kept[KEPT:]:
        for tag in old["RepoTags"] or []:
            if tag.startswith(f"{repository}:") and tag != f"{repository}:{reference}":
                with suppress(APIError):  # a container runs it
                    api.remove_image(tag)


def outlook(api: APIClient, docker: DockerSettings) -> tuple[bool, str]:
    """Whether the image can be had without asking a registry, and a few words about it. Nothing is changed."""
    if not docker.is_made_here:
        there = exists(api, docker.image)
        return there, f"{docker.image} is there" if there else f"{docker.image} is to be fetched from its registry"
    if built_from(api, docker.image) == fingerprint(inputs(docker), docker.base_image):
        return True, f"{docker.image} is there, built from this checkout"
    base = docker.base_image or base_of((ROOT / DOCKERFILE).read_text())
    there = exists(api, base)
    origin = "which is there" if there else "which is to be fetched from its registry"
    return there, f"{docker.image} is to be built on {base}, {origin}"


def exists(api: APIClient, image: str) -> bool:
    """Whether the engine has the image."""
    try:
        api.inspect_image(image)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        return False
    return True


def fetch(api: APIClient, image: str, tell: Tell, silence: int = FETCH_SILENCE) -> None:
    """Have an image that others have made; asked of its registry where it is not there. Raises ImageMissing.

    A build of nothing but the image fetches it, too, and unlike the SDK's own way can be given up: the engine stops
    when nobody listens any more.
    """
    if exists(api, image):
        return
    tell(f"Fetching the image {image}, giving up after {silence} s without an answer …")
    failure = f"the image {image} is not there and cannot be fetched"
    with patience(failure, silence):
        nothing_but = packed({DOCKERFILE: f"FROM {image}\n".encode()})
        for step in api.build(
            fileobj=nothing_but, custom_context=True, dockerfile=DOCKERFILE, rm=True, decode=True, timeout=silence
        ):
            if "error" in step:
                raise ImageMissing(f"{failure} ({step['error']})")


@contextmanager
def patience(failure: str, seconds: int) -> Iterator[None]:
    """What the engine refuses, and its silence, as ImageMissing."""
    try:
        yield
    except APIError as error:
        raise ImageMissing(f"{failure} ({error.explanation})") from error
    except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError, OSError) as error:
        raise ImageMissing(f"{failure} (nothing was heard for {seconds} s)") from error


def build(api: APIClient, docker: DockerSettings, tell: Tell) -> None:
    """Build the acts image unless it is there, made of just this. Raises ImageMissing."""
    files = inputs(docker)
    wanted = fingerprint(files, docker.base_image)
    if built_from(api, docker.image) == wanted:
        return
    fetch(api, docker.base_image or base_of((ROOT / DOCKERFILE).read_text()), tell)
    tell(f"Building the image {docker.image} …")
    failure = f"the image {docker.image} cannot be built"
    with patience(failure, BUILD_SILENCE):
        follow(built(api, docker, files, wanted), tell, failure)
    remove_former(api)


def built(api: APIClient, docker: DockerSettings, files: Mapping[str, Path], label: str) -> Iterable[dict[str, str]]:
    """Let the engine build; what it tells meanwhile."""
    steps: Iterable[dict[str, str]] = api.build(
        fileobj=context(files),
        custom_context=True,
        dockerfile=DOCKERFILE,
        tag=docker.image,
        labels={LABEL: label},
        buildargs={"BASE": docker.base_image} if docker.base_image else {},
        rm=True,
        forcerm=True,
        decode=True,
        timeout=BUILD_SILENCE,
    )
    return steps


def base_of(dockerfile: str) -> str:
    """The base image that a Dockerfile names as its default."""
    found = re.search(r"^ARG BASE=(\S+)", dockerfile, re.MULTILINE)
    assert found, "the Dockerfile has a default for BASE"
    return found[1]


def remove_former(api: APIClient) -> None:
    """Remove acts images that a newer build has taken the name from, but for those that a container still uses."""
    for former in api.images(filters={"dangling": True, "label": LABEL}):
        with suppress(APIError):
            api.remove_image(former["Id"])


def built_from(api: APIClient, image: str) -> str:
    """The fingerprint of what an image was built from; empty when it is not there, or not ours."""
    try:
        labels = api.inspect_image(image)["Config"]["Labels"] or {}  # type: ignore[no-untyped-call]
    except ImageNotFound:
        return ""
    return str(labels.get(LABEL, ""))


def inputs(docker: DockerSettings) -> dict[str, Path]:
    """Every file of the context by its name there."""
    names = [DOCKERFILE, REQUIREMENTS]
    names += [str(path.relative_to(ROOT)) for path in sorted((ROOT / "acts_app").rglob("*")) if is_source(path)]
    files = {name: ROOT / name for name in names}
    wheels = sorted(Path(docker.wheels).glob("*.whl")) if docker.wheels else []
    return files | {f"wheels/{path.name}": path for path in wheels}


def is_source(path: Path) -> bool:
    """Whether a file belongs to the application and was not made by running it."""
    return path.is_file() and "__pycache__" not in path.parts


def fingerprint(files: Mapping[str, Path], base: str) -> str:
    """A hash over names, contents and the base image."""
    sums = [f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for name, path in sorted(files.items())]
    return hashlib.sha256("\n".join([base, *sums]).encode()).hexdigest()


def context(files: Mapping[str, Path]) -> io.BytesIO:
    """These files for a build."""
    return packed({name: path.read_bytes() for name, path in files.items()})


def packed(contents: Mapping[str, bytes]) -> io.BytesIO:
    """Files as a tar, owned by root and readable by all, whoever owns them here and whatever their umask."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name, content in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    whole.seek(0)
    return whole


def follow(
    steps: Iterable[Mapping[str, Any]], tell: Tell, failure: str, clock: Callable[[], float] = time.monotonic
) -> None:
    """Tell the steps of a build. Raises ImageMissing with the last lines if it fails or takes too long."""
    lines: list[str] = []
    deadline = clock() + BUILD_SECONDS
    for step in steps:
        new = [line.strip() for line in step.get("stream", "").splitlines() if line.strip()]
        for line in filter(is_step, new):
            tell(shorten(line, STEP_WIDTH, placeholder=" …"))
        lines += new
        if "error" in step:
            raise ImageMissing(f"{failure} ({'; '.join([*lines[-LAST_LINES:], step['error']])})")
        if clock() >= deadline:
            raise ImageMissing(f"{failure} within {BUILD_SECONDS} s")


def is_step(line: str) -> bool:
    """Whether a line of the build's output begins the next step."""
    return line.startswith("Step ")
