"""Users, beyond the table of rows."""

from acts_samples import act, send, user
from flask.testing import FlaskClient


def test_nothing_is_204_before_anybody_came(client: FlaskClient) -> None:
    assert [send(client, "GET", path).status_code for path in ("/users", "/categories")] == [204, 204]
    assert send(client, "GET", "/acts/count").json == [0]
    assert send(client, "GET", "/_count").json == [3]


def test_a_removed_user_leaves_the_acts_and_may_come_back(stocked: FlaskClient) -> None:
    send(stocked, "POST", "/acts", act(1))
    assert send(stocked, "DELETE", "/users/ann").status_code == 200
    assert send(stocked, "GET", "/users").status_code == 204
    assert send(stocked, "GET", "/categories/trees/acts").json[0]["username"] == "ann"
    assert send(stocked, "POST", "/acts", act(2)).status_code == 400
    assert send(stocked, "POST", "/users", user()).status_code == 201
