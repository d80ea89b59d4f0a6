"""People who use the running site, with accounts and photos of their own. For tests through the public port."""

import base64
import hashlib
import io
import itertools
import uuid
from typing import Any

import requests
from PIL import Image
from running_service import RunningService

numbers = itertools.count(uuid.uuid4().int % 10**9 * 1000)


def picture(kind: str) -> str:
    """A small real image file as base64."""
    file = io.BytesIO()
    Image.new("RGB", (16, 12), (200, 120, 40)).save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


class Person:
    """Somebody with an account."""

    def __init__(self, service: RunningService, name: str, password: str = "correct horse") -> None:
        self.service, self.name = service, name
        self.password = hashlib.sha1(password.encode()).hexdigest()
        answer = service.request("POST", "/api/v1/users", json={"username": name, "password": self.password})
        assert answer.status_code == 201, answer.text

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        """A request with this person's credentials."""
        return self.service.request(method, path, auth=(self.name, self.password), **options)

    def upload(self, category: str, kind: str = "PNG", caption: str = "A good act", **changes: Any) -> int:
        """Share an act; its id."""
        number = next(numbers)
        act = {
            "actId": number,
            "username": self.name,
            "timestamp": "24-12-2025:30-15-18",
            "caption": caption,
            "categoryName": category,
            "imgB64": picture(kind),
        }
        answer = self.ask("POST", "/api/v1/acts", json={**act, **changes})
        assert answer.status_code == 201, answer.text
        return number
