"""Settings from the environment, and the names of the variables in their errors."""

import environs
import pytest

from autoscaler.policy import Policy
from autoscaler.settings import AutoscalerSettings


def test_without_any_variable_the_rule_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WINDOW_SECONDS", "REQUESTS_PER_CONTAINER", "STABILIZATION_SECONDS", "MAX_CONTAINERS"):
        monkeypatch.delenv(name, raising=False)
    assert AutoscalerSettings.from_env().policy == Policy()


def test_every_number_of_the_rule_has_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINDOW_SECONDS", "2.5")
    monkeypatch.setenv("REQUESTS_PER_CONTAINER", "7")
    monkeypatch.setenv("STABILIZATION_SECONDS", "0")
    monkeypatch.setenv("MAX_CONTAINERS", "4")
    expected = Policy(window=2.5, requests_per_container=7, stabilization=0, maximum=4)
    assert AutoscalerSettings.from_env().policy == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WINDOW_SECONDS", "0"),
        ("WINDOW_SECONDS", "long"),
        ("REQUESTS_PER_CONTAINER", "0"),
        ("REQUESTS_PER_CONTAINER", "1.5"),
        ("STABILIZATION_SECONDS", "-1"),
        ("MAX_CONTAINERS", "0"),
    ],
)
def test_a_wrong_number_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(environs.EnvError, match=name):
        AutoscalerSettings.from_env()
