"""A scripted session through the public port, as people would use the site: everything in it is real."""

import base64
import uuid
from collections.abc import Callable

import pytest
from people import Person
from running_service import RunningService


@pytest.fixture
def person(service: RunningService) -> Callable[[], Person]:
    """Makes people with names that nobody has yet."""
    return lambda: Person(service, f"ann-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def category(person: Callable[[], Person]) -> str:
    """A fresh category."""
    name = f"trees-{uuid.uuid4().hex[:8]}"
    assert person().ask("POST", "/api/v1/categories", json=[name]).status_code == 201
    return name


def test_an_act_with_a_photo_is_shared_listed_upvoted_and_deleted(
    service: RunningService, person: Callable[[], Person], category: str
) -> None:
    ann, bob = person(), person()
    png, jpeg = ann.upload(category, "PNG", "Planted an oak ❀"), ann.upload(category, "JPEG", "Watered it")
    listed = service.get(f"/api/v1/categories/{category}/acts").json()
    assert [act["actId"] for act in listed] == [jpeg, png]
    assert base64.b64decode(listed[1]["imgB64"]).startswith(b"\x89PNG")
    assert base64.b64decode(listed[0]["imgB64"]).startswith(b"\xff\xd8")
    assert listed[1]["caption"] == "Planted an oak ❀"

    assert bob.ask("POST", "/api/v1/acts/upvote", json=[png]).status_code == 200
    assert [act["upvotes"] for act in service.get(f"/api/v1/categories/{category}/acts").json()] == [0, 1]

    assert bob.ask("DELETE", f"/api/v1/acts/{png}").status_code == 403
    assert ann.ask("DELETE", f"/api/v1/acts/{png}").status_code == 200
    assert service.get(f"/api/v1/categories/{category}/acts/size").json() == [1]
    assert service.get("/api/v1/categories").json()[category] == 1


def test_ranges_count_from_the_newest_and_wrong_ones_are_refused(
    service: RunningService, person: Callable[[], Person], category: str
) -> None:
    ann = person()
    acts = [ann.upload(category, timestamp=f"01-01-2026:{second:02}-00-12") for second in range(5)]
    path = f"/api/v1/categories/{category}/acts"
    assert [act["actId"] for act in service.get(f"{path}?start=2&end=3").json()] == [acts[3], acts[2]]
    assert service.get(f"{path}?start=0&end=2").status_code == 400
    assert service.get(f"{path}?start=4&end=9").status_code == 400
    assert service.get(f"{path}?start=1").status_code == 400


def test_a_change_without_credentials_is_refused_and_changes_nothing(service: RunningService, category: str) -> None:
    refused = service.request("DELETE", f"/api/v1/categories/{category}")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Basic")
    assert category in service.get("/api/v1/categories").json()


def test_an_account_that_is_taken_or_gone_is_said(service: RunningService, person: Callable[[], Person]) -> None:
    ann = person()
    again = service.request("POST", "/api/v1/users", json={"username": ann.name, "password": ann.password})
    assert again.status_code == 400
    assert ann.name in service.get("/api/v1/users").json()
    assert ann.ask("DELETE", f"/api/v1/users/{ann.name}").status_code == 200
    assert ann.name not in (service.get("/api/v1/users").json() if service.get("/api/v1/users").content else [])


def test_every_answer_names_its_container_and_every_method_goes_the_same_way(service: RunningService) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert service.request(method, "/api/v1/acts/count").headers["X-Served-By"].isdigit(), method
    assert service.get("/no/such/page").status_code == 404
    assert service.request("PUT", "/api/v1/users").status_code == 405


def test_a_photo_of_several_megabytes_arrives_as_it_was_sent(
    service: RunningService, person: Callable[[], Person], category: str
) -> None:
    ann, photo = person(), base64.b64encode(bytes(range(256)) * 12_000).decode()
    number = ann.upload(category, imgB64=photo)
    (act,) = service.get(f"/api/v1/categories/{category}/acts").json()
    assert (act["actId"], act["imgB64"] == photo) == (number, True)
