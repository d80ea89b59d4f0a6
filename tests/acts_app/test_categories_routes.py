"""Categories and their lists, beyond the table of rows."""

import pytest
from acts_samples import act, send
from flask.testing import FlaskClient


def test_an_empty_category_has_size_0_and_no_list_and_no_range(stocked: FlaskClient) -> None:
    assert send(stocked, "GET", "/categories").json == {"trees": 0}
    assert send(stocked, "GET", "/categories/trees/acts/size").json == [0]
    assert send(stocked, "GET", "/categories/trees/acts").status_code == 204
    assert send(stocked, "GET", "/categories/trees/acts?start=1&end=1").status_code == 400


def test_lists_are_newest_first_by_parsed_time_and_then_by_upload(stocked: FlaskClient) -> None:
    times = ["02-01-2020:00-00-00", "01-02-2020:00-00-00", "01-02-2020:59-00-00", "01-02-2020:00-00-01"]
    for act_id, timestamp in enumerate([*times, times[1], times[1]], start=1):
        send(stocked, "POST", "/acts", act(act_id, timestamp=timestamp))
    order = [found["actId"] for found in send(stocked, "GET", "/categories/trees/acts").json]
    assert order == [4, 3, 6, 5, 2, 1]
    part = send(stocked, "GET", "/categories/trees/acts?start=2&end=4").json
    assert [found["actId"] for found in part] == [3, 6, 5]


def test_ties_keep_upload_order_past_a_change_in_the_number_of_digits(stocked: FlaskClient) -> None:
    for act_id in range(30, 0, -1):
        send(stocked, "POST", "/acts", act(act_id))
    order = [found["actId"] for found in send(stocked, "GET", "/categories/trees/acts").json]
    assert order == list(range(1, 31))


def test_more_than_100_acts_are_413_as_a_list_and_as_a_range(stocked: FlaskClient) -> None:
    for act_id in range(1, 101):
        send(stocked, "POST", "/acts", act(act_id))
    assert len(send(stocked, "GET", "/categories/trees/acts").json) == 100
    send(stocked, "POST", "/acts", act(101))
    assert send(stocked, "GET", "/categories/trees/acts").status_code == 413
    assert len(send(stocked, "GET", "/categories/trees/acts?start=2&end=101").json) == 100
    assert send(stocked, "GET", "/categories/trees/acts?start=1&end=101").status_code == 413
    assert send(stocked, "GET", "/categories/trees/acts?start=1&end=102").status_code == 400


def test_removing_a_category_takes_its_acts_and_frees_their_ids(stocked: FlaskClient) -> None:
    send(stocked, "POST", "/categories", ["water"])
    send(stocked, "POST", "/acts", act(1))
    send(stocked, "POST", "/acts", act(2, categoryName="water"))
    assert send(stocked, "DELETE", "/categories/trees").status_code == 200
    assert send(stocked, "GET", "/acts/count").json == [1]
    assert send(stocked, "POST", "/acts/upvote", [1]).status_code == 400
    assert send(stocked, "POST", "/categories", ["trees"]).status_code == 201
    assert send(stocked, "GET", "/categories").json == {"water": 1, "trees": 0}
    assert send(stocked, "POST", "/acts", act(1)).status_code == 201


def test_a_list_of_many_big_images_is_sent_in_pieces_and_complete(stocked: FlaskClient) -> None:
    big = "QUJD" * 700_000
    for act_id in (1, 2, 3, 4):
        assert send(stocked, "POST", "/acts", act(act_id, imgB64=big)).status_code == 201
    got = send(stocked, "GET", "/categories/trees/acts")
    assert [(found["actId"], len(found["imgB64"])) for found in got.json] == [(n, len(big)) for n in (4, 3, 2, 1)]


@pytest.mark.parametrize("name", ["a/b", "100%", "%2F", "%252F", "a b+c", "?#[]@", "木 🌳", "é" * 5000, "..", "\x00"])
def test_every_name_can_be_addressed(stocked: FlaskClient, name: str) -> None:
    path = "/categories/" + "".join(f"%{byte:02X}" for byte in name.encode())
    assert send(stocked, "POST", "/categories", [name]).status_code == 201
    assert send(stocked, "POST", "/acts", act(5, categoryName=name)).status_code == 201
    assert send(stocked, "GET", path + "/acts").json == [act(5, categoryName=name, upvotes=0)]
    assert send(stocked, "GET", path + "/acts/size").json == [1]
    assert send(stocked, "DELETE", path).status_code == 200
    assert send(stocked, "GET", "/categories").json == {"trees": 0}
