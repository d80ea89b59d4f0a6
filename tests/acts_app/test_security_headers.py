"""What every page tells the browser never to do."""

from typing import Any

import pytest


@pytest.mark.parametrize("path", ["/", "/login", "/nothing", "/api/v1/users", "/static/x/style.css"])
def test_every_answer_carries_the_headers(client: Any, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/", "/login", "/signup", "/nothing", "/categories/trees", "/acts/1", "/upload", "/account"]
)
def test_no_page_has_inline_script_or_style(visitor: Any, path: str) -> None:
    page = visitor.get(path, follow_redirects=True).text
    assert not [bad for bad in (" style=", "<style", "onclick=", "onerror=", "<script>", "javascript:") if bad in page]
