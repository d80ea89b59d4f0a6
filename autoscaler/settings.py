"""What the autoscaler is told through the environment, read once at the edge."""

from dataclasses import dataclass, field
from typing import Self

import environs
from environs import validate

from autoscaler.policy import Policy
from lb.settings import NOT_NEGATIVE, POSITIVE, ServiceSettings

TICK_SECONDS = 1.0  # the 20th request has a second container in the ring within 3 s; booting takes most of them


@dataclass(frozen=True)
class AutoscalerSettings:
    """The service to scale and the numbers of the rule."""

    service: ServiceSettings = field(default_factory=ServiceSettings)
    policy: Policy = field(default_factory=Policy)
    shadow: Policy | None = None  # decided and written down beside the policy, never acted on

    @classmethod
    def from_env(cls, env: environs.Env | None = None) -> Self:
        """Read the variables; raises environs.EnvError naming the one that is wrong."""
        env = env or environs.Env()
        service = ServiceSettings.from_env(env)
        policy = Policy(
            window=env.float("WINDOW_SECONDS", Policy.window, validate=POSITIVE),
            requests_per_container=env.int(
                "REQUESTS_PER_CONTAINER", Policy.requests_per_container, validate=validate.Range(min=1)
            ),
            stabilization=env.float("STABILIZATION_SECONDS", Policy.stabilization, validate=NOT_NEGATIVE),
            maximum=service.max_containers,
        )
        policy = changed(policy, env, "SCALING_POLICY") or policy
        return cls(service, policy, changed(policy, env, "SHADOW_POLICY"))


def changed(policy: Policy, env: environs.Env, variable: str) -> Policy | None:
    """The policy with the numbers of a variable put in; None when that is not set. Raises environs.EnvError."""

    def usable(text: str) -> None:
        try:
            policy.changed(text)
        except ValueError as error:
            raise environs.ValidationError(str(error)) from error

    text = env.str(variable, "", validate=usable)
    return policy.changed(text) if text else None
