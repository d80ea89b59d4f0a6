"""Settings from the environment, and the names of the variables in their errors."""

import environs
import pytest

from autoscaler.policy import Policy, Rule
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
        ("SCALING_POLICY", "rule=magic"),
        ("SHADOW_POLICY", "window"),
    ],
)
def test_a_wrong_number_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(environs.EnvError, match=name):
        AutoscalerSettings.from_env()


def test_a_policy_and_its_shadow_change_what_the_numbers_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINDOW_SECONDS", "60")
    monkeypatch.setenv("SCALING_POLICY", "rule=rate,requests_per_second=3")
    monkeypatch.setenv("SHADOW_POLICY", "up_step=1")
    settings = AutoscalerSettings.from_env()
    assert settings.policy == Policy(window=60, rule=Rule.RATE, requests_per_second=3)
    assert settings.shadow == Policy(window=60, rule=Rule.RATE, requests_per_second=3, up_step=1)


def test_without_a_variable_there_is_no_shadow() -> None:
    assert AutoscalerSettings.from_env().shadow is None
