"""Names of images that mean the same on every node; contract tests start them."""

import pytest

from deploy.runtime.docker_settings import DockerSettings
from deploy.runtime.swarm_image import pinned, reference_of, repository_of


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("acts", "acts"),
        ("acts:2", "acts"),
        ("registry:5000/acts", "registry:5000/acts"),
        ("registry:5000/acts:2", "registry:5000/acts"),
    ],
)
def test_a_repository_is_a_name_without_its_tag(name, repository):
    assert repository_of(name) == repository


def test_what_a_registry_has_said_by_its_digest_is_exact_and_needs_no_engine():
    exact = "registry:5000/acts:2@sha256:0a1b2c"
    assert pinned(None, DockerSettings(), exact) == exact
    assert reference_of(None, exact) == exact
