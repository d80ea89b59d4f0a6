"""Acts, beyond the table of rows."""

import json

from acts_samples import act, send
from flask.testing import FlaskClient


def test_an_act_in_a_list_has_exactly_the_seven_fields(stocked: FlaskClient) -> None:
    send(stocked, "POST", "/acts", act(7, caption='a "quoted" \\ \u2028 木'))
    send(stocked, "POST", "/acts/upvote", [7])
    assert send(stocked, "GET", "/categories/trees/acts").json == [act(7, caption='a "quoted" \\ \u2028 木', upvotes=1)]


def test_an_id_of_any_length_is_given_back_digit_for_digit(stocked: FlaskClient) -> None:
    digits = "9" * 6000
    body = json.dumps(act(0)).replace('"actId": 0', f'"actId": {digits}').encode()
    assert send(stocked, "POST", "/acts", body).status_code == 201
    assert f'"actId":{digits},' in send(stocked, "GET", "/categories/trees/acts").text
    assert send(stocked, "POST", "/acts", body).status_code == 400
    assert send(stocked, "POST", "/acts/upvote", f"[{digits}]".encode()).status_code == 200
    assert send(stocked, "DELETE", f"/acts/{digits}").status_code == 200
