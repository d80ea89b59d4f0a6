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


def say(response: Response, origins: tuple[str, ...]) -> Response:
    """Put the headers on one answer."""
    if not origins:
        return response
    if "*" not in origins:
        response.vary.add("Origin")
    origin = allowed(request.headers.get("Origin"), origins)
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = HEADERS
        response.headers["Access-Control-Expose-Headers"] = "Retry-After, WWW-Authenticate, X-Served-By, X-Request-ID"
        response.headers["Access-Control-Max-Age"] = REMEMBER
    return response
