"""The buttons on an act."""

from typing import Any

import pytest
from acts_samples import API, act

FETCH = {"X-Requested-With": "fetch"}


@pytest.fixture
def with_acts(visitor: Any) -> Any:
    """Ann's act 1 and bob's act 2."""
    visitor.post(f"{API}/users", json={"username": "bob", "password": "a" * 40})
    visitor.post(f"{API}/categories", json=["trees"])
    assert visitor.post(f"{API}/acts", json=act(1)).status_code == 201
    bobs = visitor.post(f"{API}/acts", json=act(2, username="bob"), auth=("bob", "a" * 40))
    assert bobs.status_code == 201
    return visitor


def test_one_account_has_one_upvote_for_an_act(with_acts: Any) -> None:
    answers = [
        with_acts.post("/acts/2/upvote", data={"wanted": wanted}, headers=FETCH).json for wanted in ("1", "1", "0", "0")
    ]
    assert answers == [
        {"upvotes": 1, "voted": True},
        {"upvotes": 1, "voted": True},
        {"upvotes": 0, "voted": False},
        {"upvotes": 0, "voted": False},
    ]


def test_without_scripts_one_comes_back_to_where_one_was(with_acts: Any) -> None:
    got = with_acts.post("/acts/2/upvote", headers={"Referer": "http://localhost/categories/trees"})
    assert (got.status_code, got.headers["Location"]) == (303, "/categories/trees")


def test_upvoting_what_is_gone_is_404(with_acts: Any) -> None:
    assert with_acts.post("/acts/9/upvote", headers=FETCH).status_code == 404


def test_ones_own_act_can_be_removed_after_being_asked(with_acts: Any) -> None:
    assert "Remove this act?" in with_acts.get("/acts/1/remove").text
    assert with_acts.post("/acts/1/remove").headers["Location"] == "/categories/trees"
    assert with_acts.get("/acts/1").status_code == 404


def test_somebody_elses_cannot(with_acts: Any) -> None:
    assert "/acts/2/remove" not in with_acts.get("/acts/2").text
    assert with_acts.get("/acts/2/remove").status_code == 403
    assert with_acts.post("/acts/2/remove").status_code == 403
    assert with_acts.get("/acts/2").status_code == 200
