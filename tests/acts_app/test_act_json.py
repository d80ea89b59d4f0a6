"""Acts as the protocol writes them."""

import json

from acts_app.act_json import joined, streamed
from acts_app.acts_store import Act

ONE = Act(3, "1", 'a"b', "01-01-2020:00-00-00", "line\nbreak \\", 3, "木", "", "")
TWO = Act(0, "2", "bob", "01-01-2020:00-00-00", "", 0, "c", "", "")


def test_a_list_parses_back() -> None:
    found = json.loads(joined([ONE, TWO], [b"ABC", b""]))
    assert [(act["actId"], act["username"], act["imgB64"]) for act in found] == [(1, 'a"b', "QUJD"), (2, "bob", "")]


def test_an_act_removed_meanwhile_is_left_out() -> None:
    assert json.loads(joined([ONE, TWO], [None, b""]))[0]["actId"] == 2


def test_pieces_make_the_same_list() -> None:
    batches = [([ONE], [b"ABC"]), ([TWO], [b""])]
    assert b"".join(streamed(batches)) == joined([ONE, TWO], [b"ABC", b""])
    assert b"".join(streamed([([ONE], [None])])) == b"[]"
