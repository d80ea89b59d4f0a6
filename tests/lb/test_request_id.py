"""Names of requests: what is put in comes out, and nothing else is taken for one of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lb.request_id import COUNTED, NOT_COUNTED, RequestId, decode, encode, stamp

A_REQUEST = st.builds(
    RequestId,
    st.integers(0, 16**11 - 1),
    st.text("0123456789abcdef", min_size=8, max_size=8),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
    st.booleans(),
)


def test_a_name_tells_time_worker_version_and_turn() -> None:
    name = (COUNTED % (stamp(1_763_000_000_123, b"1fa2b3c4", 1_763_000_001), 12_081)).decode()
    assert name == "19a7afd1e7b-1fa2b3c4-69153ec1-2f31"
    assert decode(name) == RequestId(1_763_000_000_123, "1fa2b3c4", 1_763_000_001, 12_081)


def test_a_name_tells_that_the_request_is_not_counted() -> None:
    name = (NOT_COUNTED % (stamp(1_763_000_000_123, b"1fa2b3c4", 1_763_000_001), 12_081)).decode()
    assert name == "19a7afd1e7b-1fa2b3c4-69153ec1-2f31n"
    assert decode(name) == RequestId(1_763_000_000_123, "1fa2b3c4", 1_763_000_001, 12_081, counted=False)


@given(A_REQUEST)
def test_what_is_encoded_is_decoded(request: RequestId) -> None:
    assert decode(encode(request)) == request


@given(A_REQUEST, A_REQUEST)
def test_names_sort_by_time(one: RequestId, two: RequestId) -> None:
    assert one.at == two.at or (encode(one) < encode(two)) == (one.at < two.at)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "mine",
        "19a7afd1e7b-1fa2b3c4-69153e81",  # no turn
        "19A7AE1427B-1fa2b3c4-69153e81-2f31",  # capitals
        "19a7afd1e7b-1fa2b3c4-69153e81-2f31nn",
        "19a7afd1e7b-1fa2b3c4-69153e81-2f31\n",
        "9a7ae1427b-1fa2b3c4-69153e81-2f31",  # a digit of the time is missing
        "f81d4fae-7dec-11d0-a765-00a0c91e6bf6",  # a UUID
    ],
)
def test_other_names_are_not_ours(name: str) -> None:
    assert decode(name) is None


@given(st.text())
def test_any_text_is_decoded_or_not_but_never_an_error(name: str) -> None:
    found = decode(name)
    assert found is None or encode(found) == name or name.startswith(encode(found)[:20])
