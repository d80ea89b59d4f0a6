"""The image that the docker runtime runs: our own is built where it is missing or made of something else now.

    selfieless.inputs   label of the acts image: a fingerprint of everything that it was built from

The context is put together here and holds nothing but what the image needs, whatever lies about in the checkout.
"""

import hashlib
import io
import re
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from textwrap import shorten
from typing import cast

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
STEP_WIDTH = 100  # characters of a step that are told: its kind and what it is about


def ensure(api: APIClient, docker: DockerSettings, tell: Tell) -> None:
    """Have the image in the engine: build ours, fetch another one. `tell` hears every step. Raises ImageMissing."""
    if docker.is_acts:
        build(api, docker, tell)
    elif not exists(api, docker.image):
        pull(api, docker.image, tell)


def prepared(api: APIClient, docker: DockerSettings, service: str, image: str, tell: Tell) -> str:
    """The exact name of an image that is ready to be started, and kept for going back. Raises ImageMissing.

    The configured one is built where it is ours. One that is named is taken as it is, and fetched if it is not there.
    """
    if not image:
        ensure(api, docker, tell)
    elif not exists(api, reference_of(image)):
        pull(api, image, tell)
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


def exists(api: APIClient, image: str) -> bool:
    """Whether the engine has the image."""
    try:
        api.inspect_image(image)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        return False
    return True


def pull(api: APIClient, image: str, tell: Tell) -> None:
    """Fetch an image from its registry. Raises ImageMissing."""
    tell(f"Fetching the image {image} …")
    try:
        api.pull(image)
    except APIError as error:
        raise ImageMissing(f"the image {image} is not there and cannot be fetched ({error.explanation})") from error


def build(api: APIClient, docker: DockerSettings, tell: Tell) -> None:
    """Build the acts image unless it is there, made of just this. Raises ImageMissing."""
    files = inputs(docker)
    wanted = fingerprint(files, docker.base_image)
    if built_from(api, docker.image) == wanted:
        return
    tell(f"Building the image {docker.image} …")
    steps = api.build(
        fileobj=context(files),
        custom_context=True,
        dockerfile=DOCKERFILE,
        tag=docker.image,
        labels={LABEL: wanted},
        buildargs={"BASE": docker.base_image} if docker.base_image else {},
        rm=True,
        forcerm=True,
        decode=True,
    )
    follow(steps, tell)
    remove_former(api)


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
    """The files as a tar, owned by root and readable by all, whoever owns them here and whatever their umask."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, path in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as content:
                tar.addfile(entry, content)
    packed.seek(0)
    return packed


def follow(steps: Iterable[Mapping[str, str]], tell: Tell) -> None:
    """Tell the steps of a build. Raises ImageMissing with the last lines if it fails."""
    lines: list[str] = []
    for step in steps:
        new = [line.strip() for line in step.get("stream", "").splitlines() if line.strip()]
        for line in filter(is_step, new):
            tell(shorten(line, STEP_WIDTH, placeholder=" …"))
        lines += new
        if "error" in step:
            raise ImageMissing(f"the image could not be built ({step['error']}): {'; '.join(lines[-LAST_LINES:])}")


def is_step(line: str) -> bool:
    """Whether a line of the build's output begins the next step."""
    return line.startswith("Step ")
