"""The shapes of requests, without an application around them. The tables of rows are in test_protocol.py."""

import binascii
from collections.abc import Callable
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acts_app import validate
from acts_app.answers import Refused


def code_of(check: Callable[[], object]) -> int | None:
    """The status that a check refuses with; None when it is content."""
    try:
        check()
    except Refused as refused:
        return refused.status
    return None


@given(st.datetimes())
def test_a_moment_survives_the_way_through_the_protocols_timestamp(moment: datetime) -> None:
    expected = (moment.replace(microsecond=0) - validate.EPOCH).total_seconds()
    assert validate.seconds_of(validate.timestamp_at(moment)) == expected


@given(st.binary())
def test_parsing_any_body_gives_a_value_or_a_400(body: bytes) -> None:
    assert code_of(lambda: validate.parse_json(body)) in (None, 400)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists))
def test_checking_any_value_gives_a_result_or_a_400(value: object) -> None:
    for check in (validate.user, validate.category, validate.act, validate.upvoted):
        assert code_of(lambda check=check: check(value)) in (None, 400)


@given(st.text())
def test_any_text_as_an_image_is_decoded_exactly_or_refused(encoded: str) -> None:
    try:
        data = validate.image(encoded)
    except Refused:
        return
    assert binascii.b2a_base64(data, newline=False).decode() == encoded


@pytest.mark.parametrize(("word", "value"), [("-3", -3), ("007", 7), ("9" * 40, 10**15), ("-" + "9" * 5000, -(10**15))])
def test_bounds_of_any_length_are_compared_and_never_computed(word: str, value: int) -> None:
    assert validate.clipped(word) == value


@pytest.mark.parametrize(
    ("start", "end", "size", "code"),
    [(1, 1, 1, None), (1, 100, 100, None), (1, 101, 101, 413), (1, 101, 100, 400), (0, 1, 1, 400), (1, 1, 0, 400)],
)
def test_a_range_is_400_before_it_is_413(start: int, end: int, size: int, code: int | None) -> None:
    assert code_of(lambda: validate.check_range(start, end, size)) == code


@pytest.mark.parametrize(
    ("word", "act_id"), [("0", "0"), ("007", "7"), ("000", "0"), ("-1", None), ("٣", None), ("", None)]
)
def test_one_number_has_one_name(word: str, act_id: str | None) -> None:
    assert validate.act_id_in_path(word) == act_id
