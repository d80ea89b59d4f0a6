"""Browser clients on other origins: who may read the answers (CORS_ORIGINS), said on every one, errors included."""

from flask import Response, request

METHODS = "GET, POST, DELETE, OPTIONS"
HEADERS = "Content-Type, Authorization"
REMEMBER = "600"  # seconds a browser keeps a preflight's answer; Chromium keeps none longer than 7200


def allowed(origin: str | None, origins: tuple[str, ...]) -> str | None:
    """What Access-Control-Allow-Origin says to this origin; None is silence."""
    if "*" in origins:
        return "*"
    return origin if origin in origins else None


def headers_for(origin: str | None, origins: tuple[str, ...]) -> dict[str, str]:
    """What an answer says to this origin; nothing where it is not to be allowed."""
    said = allowed(origin, origins)
    if said is None:
        return {}
    return {
        "Access-Control-Allow-Origin": said,
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": HEADERS,
        "Access-Control-Expose-Headers": "Retry-After, WWW-Authenticate, X-Served-By, X-Request-ID",
        "Access-Control-Max-Age": REMEMBER,
    }


def say(response: Response, origins: tuple[str, ...]) -> Response:
    """Put the headers on one answer."""
    if not origins:
        return response
    if "*" not in origins:
        response.vary.add("Origin")
    response.headers.update(headers_for(request.headers.get("Origin"), origins))
    return response
