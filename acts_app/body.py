"""Reading a request's body within the limit."""

from flask import current_app, request

from acts_app.answers import Refused


def read_body() -> bytes:
    """The whole body; 413 beyond the limit. One without a length, Werkzeug cuts there without a word."""
    data = request.get_data(cache=False)
    most = current_app.config["MAX_CONTENT_LENGTH"]
    if request.content_length is None and most is not None and len(data) >= most:
        raise Refused(413, "That is too large to upload.")
    return data
