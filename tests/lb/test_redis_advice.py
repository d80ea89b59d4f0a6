"""What is wrong with a Redis, in words that name the fix; real causes are tried in test_redis_place.py."""

import pytest

from lb.redis_advice import advice


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("NOAUTH Authentication required.", "NOAUTH Authentication required: it wants a password"),
        ("Connection closed by server.", "Connection closed by server: if it speaks TLS, write rediss://"),
        ("No master found for 'mine'", "No master found for 'mine': no sentinel knows a master of that name"),
        ("Error 111 connecting\n to x:1.", "Error 111 connecting to x:1"),
        ("OOM command not allowed when used memory > 'maxmemory'.", "OOM command not allowed when used memory > 'maxm"),
        ("", ""),
    ],
)
def test_what_is_said_is_followed_by_what_it_means(said: str, told: str) -> None:
    assert advice(said).startswith(told)
