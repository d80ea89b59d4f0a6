"""What a path means: counted, plain, or the crash route however it is spelt."""

import pytest

from lb.paths import Meaning, path_rules

RULES = path_rules("/api/", "/api/v1/_health")


@pytest.mark.parametrize(
    ("method", "target", "meaning"),
    [
        (b"GET", b"/api/v1/acts", Meaning.COUNTED),
        (b"POST", b"/api/v1/acts?x=/api/v1/_crash", Meaning.COUNTED),
        (b"DELETE", b"/api/v1/_count", Meaning.COUNTED),
        (b"HEAD", b"/api/v1/users", Meaning.COUNTED),
        (b"GET", b"/api/", Meaning.COUNTED),
        (b"GET", b"/%61pi/v1/users", Meaning.COUNTED),
        (b"GET", b"//api/v1/users", Meaning.COUNTED),
        (b"OPTIONS", b"/api/v1/acts", Meaning.PLAIN),
        (b"GET", b"/", Meaning.PLAIN),
        (b"GET", b"/static/app.css", Meaning.PLAIN),
        (b"GET", b"/apiary", Meaning.PLAIN),
        (b"OPTIONS", b"*", Meaning.PLAIN),
        (b"GET", b"/api/v1/_health", Meaning.PLAIN),
        (b"GET", b"/api/v1/_health?deep=1", Meaning.PLAIN),
        (b"GET", b"/api/v1/%5Fhealth", Meaning.PLAIN),
        (b"POST", b"/api/v1/_crash", Meaning.CRASH),
        (b"POST", b"/api/v1/_crash/", Meaning.CRASH),
        (b"POST", b"/api/v1/%5fcrash", Meaning.CRASH),
        (b"POST", b"/api//v1/./_crash", Meaning.CRASH),
        (b"POST", b"/x/../api/v1/_crash?now", Meaning.CRASH),
        (b"POST", b"//api/v1/_crash", Meaning.CRASH),
        (b"OPTIONS", b"/api/v1/_crash", Meaning.CRASH),
    ],
)
def test_the_meaning_of_a_request(method: bytes, target: bytes, meaning: Meaning) -> None:
    assert RULES.meaning(method, target) is meaning


def test_another_application_has_other_paths() -> None:
    rules = path_rules("/", "/healthz")
    assert rules.meaning(b"GET", b"/anything") is Meaning.COUNTED
    assert rules.meaning(b"GET", b"/healthz") is Meaning.PLAIN
    assert rules.meaning(b"POST", b"/_crash") is Meaning.CRASH
