"""The REST protocol as an OpenAPI document, for programmers and their tools: /api/v1/openapi.json."""

from typing import Any

from flask import Blueprint, Response

from acts_app.answers import answer
from acts_app.parts import parts

routes = Blueprint("openapi", __name__, url_prefix="/api/v1")
Schema = dict[str, Any]

NAME: Schema = {"type": "string", "minLength": 1}
NUMBER: Schema = {"type": "integer", "minimum": 0}
ONE_NUMBER: Schema = {"type": "array", "items": NUMBER, "minItems": 1, "maxItems": 1}
EMPTY: Schema = {"type": "object", "maxProperties": 0}
ERROR: Schema = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "store": {"type": "string"}},
    "minProperties": 1,
    "additionalProperties": False,
}
USER: Schema = {
    "type": "object",
    "required": ["username", "password"],
    "properties": {"username": NAME, "password": {"type": "string", "pattern": "^[0-9a-fA-F]{40}$"}},
}
UPLOAD_FIELDS: Schema = {
    "actId": NUMBER,
    "username": NAME,
    "timestamp": {
        "type": "string",
        "pattern": r"^[0-9]{2}-[0-9]{2}-[0-9]{4}:[0-9]{2}-[0-9]{2}-[0-9]{2}$",
        "description": "DD-MM-YYYY:SS-MM-HH",
    },
    "caption": {"type": "string"},
    "categoryName": NAME,
    "imgB64": {"type": "string", "format": "byte"},
}
UPLOAD: Schema = {"type": "object", "required": list(UPLOAD_FIELDS), "properties": UPLOAD_FIELDS}
ACT_FIELDS: Schema = UPLOAD_FIELDS | {"upvotes": NUMBER}
ACT: Schema = {
    "type": "object",
    "required": list(ACT_FIELDS),
    "properties": ACT_FIELDS,
    "additionalProperties": False,
}
ACTS: Schema = {"type": "array", "items": ACT, "maxItems": 100}
NAMES: Schema = {"type": "array", "items": NAME}
SIZES: Schema = {"type": "object", "additionalProperties": NUMBER}
ONE_NAME: Schema = {"type": "array", "items": NAME, "minItems": 1, "maxItems": 1}
UPVOTE: Schema = {
    "type": "array",
    "items": {"anyOf": [NUMBER, {"type": "string", "pattern": "^[0-9]+$"}]},
    "minItems": 1,
    "maxItems": 1,
}

# path, method, what it does, body, what 200 answers (None: 201 and nothing), other codes, whether it needs an account
OPERATIONS: tuple[tuple[str, str, str, Schema | None, Schema | None, tuple[int, ...], bool], ...] = (
    ("/users", "post", "Sign up", USER, None, (400, 413, 429), False),
    ("/users", "get", "List all users", None, NAMES, (204,), False),
    ("/users/{username}", "delete", "Remove a user; the acts stay", None, EMPTY, (400,), True),
    ("/categories", "get", "Categories and their numbers of acts", None, SIZES, (204,), False),
    ("/categories", "post", "Add a category", ONE_NAME, None, (400, 413), True),
    ("/categories/{category}", "delete", "Remove a category and its acts", None, EMPTY, (400,), True),
    ("/categories/{category}/acts", "get", "Acts, newest first", None, ACTS, (204, 400, 413), False),
    ("/categories/{category}/acts/size", "get", "How many acts", None, ONE_NUMBER, (400,), False),
    ("/acts", "post", "Upload an act", UPLOAD, None, (400, 413), True),
    ("/acts/{actId}", "delete", "Remove an act", None, EMPTY, (400,), True),
    ("/acts/upvote", "post", "Upvote an act", UPVOTE, EMPTY, (400, 413), True),
    ("/acts/count", "get", "How many acts in all", None, ONE_NUMBER, (), False),
    ("/_count", "get", "Requests since the last reset", None, ONE_NUMBER, (), False),
    ("/_count", "delete", "Reset the number of requests", None, EMPTY, (403,), False),
    ("/_health", "get", "Whether this container can serve", None, EMPTY, (500,), False),
    ("/_crash", "post", "Make this container fail from now on", None, EMPTY, (403,), False),
)
NEEDS_ACCOUNT = (401, 403, 429)
ALWAYS = (503, 507)  # the store is away, or full
RANGE = [
    {"name": name, "in": "query", "schema": {"type": "integer", "minimum": 1}, "description": "1 = newest, inclusive"}
    for name in ("start", "end")
]


@routes.get("/openapi.json")
def document() -> Response:
    """The document; with ACTS_AUTH=off it asks for no credentials."""
    return answer(openapi(open_protocol=parts().settings.open_protocol))


def openapi(*, open_protocol: bool) -> Schema:
    """The whole document."""
    paths: Schema = {}
    for path, method, summary, body, result, codes, guarded in OPERATIONS:
        operation: Schema = {"summary": summary, "operationId": f"{method} {path}", "parameters": parameters(path)}
        if body is not None:
            operation["requestBody"] = {"required": True, "content": as_json(body)}
        needs = guarded and not open_protocol
        all_codes = (*codes, *ALWAYS, *(NEEDS_ACCOUNT if needs else ()))
        operation["responses"] = responses(result, all_codes)
        if needs:
            operation["security"] = [{"basic": []}]
        paths.setdefault(path, {})[method] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "SelfieLessActs", "version": "1", "description": "Good acts, seen and shared."},
        "servers": [{"url": "/api/v1"}],
        "paths": paths,
        "components": {"securitySchemes": {"basic": {"type": "http", "scheme": "basic"}}},
    }


def as_json(schema: Schema) -> Schema:
    """A body of this shape."""
    return {"application/json": {"schema": schema}}


def parameters(path: str) -> list[Schema]:
    """What stands in the path, and the range of a list."""
    words = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
    in_path = [
        {"name": word, "in": "path", "required": True, "schema": NUMBER if word == "actId" else NAME} for word in words
    ]
    return in_path + (RANGE if path.endswith("/acts") and words else [])


def responses(result: Schema | None, codes: tuple[int, ...]) -> Schema:
    """Success, and what may go wrong."""
    answers: Schema = {"201": described("Done", EMPTY)} if result is None else {"200": described("Done", result)}
    for code in sorted(set(codes)):
        answers[str(code)] = {"description": "Nothing there"} if code == 204 else described("Refused, in words", ERROR)
    return answers


def described(description: str, schema: Schema) -> Schema:
    """One answer."""
    return {"description": description, "content": as_json(schema)}
