"""Whom we believe, and who sits on this machine."""

import pytest

from lb.trust import Trust, is_loopback


@pytest.mark.parametrize(
    ("allowed", "address", "trusted"),
    [
        (["127.0.0.1"], "127.0.0.1", True),
        (["127.0.0.1"], "127.0.0.2", False),
        (["10.0.0.0/8"], "10.1.2.3", True),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", True),
        (["::1"], "::1", True),
        (["*"], "192.0.2.1", True),
        ([], "192.0.2.1", False),
        ([""], "192.0.2.1", False),
        ([], "", True),
    ],
)
def test_trust_is_by_network(allowed: list[str], address: str, trusted: bool) -> None:
    assert Trust(allowed).believes(address) is trusted


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("", True),
    ],
)
def test_loopback_in_all_its_spellings(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback
