"""The image that the docker runtime runs: our own is built where it is missing or made of something else now.

    selfieless.inputs   label of the acts image: a fingerprint of everything that it was built from

The context is put together here and holds nothing but what the image needs, whatever lies about in the checkout.
"""

import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from textwrap import shorten

from docker import APIClient
from docker.errors import APIError, ImageNotFound

from deploy.runtime.docker_settings import DockerSettings
from deploy.settings import ROOT

LABEL = "selfieless.inputs"
DOCKERFILE = "deploy/acts.Dockerfile"
REQUIREMENTS = "requirements/acts.txt"
LAST_LINES = 5
STEP_WIDTH = 100  # characters of a step that are told: its kind and what it is about

Tell = Callable[[str], None]


class ImageMissing(Exception):
    """The image is not there and cannot be had; the message is a sentence for the operator."""


def ensure(api: APIClient, docker: DockerSettings, tell: Tell) -> None:
    """Have the image in the engine: build ours, fetch another one. `tell` hears every step. Raises ImageMissing."""
    if docker.is_acts:
        build(api, docker, tell)
    elif not exists(api, docker.image):
        pull(api, docker.image, tell)


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
