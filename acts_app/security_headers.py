"""What every page tells the browser never to do."""

from flask import Response

from acts_app.answers import JSON

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",  # blob: the preview of a photo that is not uploaded yet
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
FOR_DATA = {  # on every answer of the protocol: short
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
FOR_PAGES = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",  # our own forms send where they come from; nobody else learns what was read
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), microphone=(), payment=()",
}


def say(response: Response) -> Response:
    """Put the headers on one answer; one that has a stricter policy keeps it."""
    for name, value in (FOR_DATA if response.mimetype == JSON else FOR_PAGES).items():
        response.headers.setdefault(name, value)
    return response
