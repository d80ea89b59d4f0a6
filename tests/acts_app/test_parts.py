"""What the routes work with."""

from typing import Any

from acts_app.parts import parts


def test_every_application_has_parts_of_its_own(make_client: Any) -> None:
    found = []
    for client in (make_client(), make_client()):
        with client.application.app_context():
            found.append(parts())
    assert found[0].stat is not found[1].stat
    assert found[0].store is not found[1].store
