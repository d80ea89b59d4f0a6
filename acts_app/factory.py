"""Puts one container's application together: `create_app(settings)`."""

import re

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from acts_app import acts_routes, categories_routes, cors, errors, service_routes, users_routes
from acts_app.answers import error
from acts_app.auth import Gatekeeper
from acts_app.body import BodyReader
from acts_app.parts import EXTENSION, Parts, parts
from acts_app.rate_limits import RateLimits
from acts_app.raw_paths import ActId, KeepSlashes, Name
from acts_app.settings import ActsSettings
from acts_app.stat import Stat
from acts_app.store import Store

COUNTED = re.compile(r"/api/v1/(users|categories|acts)(/|$)")  # what `_count` counts


def create_app(settings: ActsSettings | None = None) -> Flask:
    """The WSGI application. Connects to the store with its first request, not here."""
    settings = settings or ActsSettings.from_env()
    app = Flask("acts_app")
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload
    app.url_map.merge_slashes = False
    app.url_map.converters |= {"name": Name, "act_id": ActId}
    app.extensions[EXTENSION] = make_parts(settings)
    app.before_request(first)
    app.after_request(last)
    errors.install(app)
    for routes in (users_routes, categories_routes, acts_routes, service_routes):
        app.register_blueprint(routes.routes)
    behind_one_proxy(app)
    return app


def make_parts(settings: ActsSettings) -> Parts:
    """The container's parts, wired."""
    store = Store.at(settings.redis_url)
    limits = RateLimits(store.client, settings.signup_limit)
    gate = Gatekeeper(
        store.accounts,
        limits,
        open_protocol=settings.open_protocol,
        scrypt_cost=settings.scrypt_cost,
        session_account=lambda: None,
    )
    return Parts(settings, store, gate, limits, Stat(), BodyReader(max(1, settings.threads * 3 // 4)))


def behind_one_proxy(app: Flask) -> None:
    """Believe one hop's X-Forwarded-*: nobody but the proxy can reach a container."""
    app.wsgi_app = KeepSlashes(ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1))  # type: ignore[method-assign]


def first() -> Response | None:
    """Before everything else: a crashed container answers 500, any other counts the request."""
    if parts().stat.crashed:
        return error(500, "This container has crashed.")
    if COUNTED.match(request.path):
        parts().store.count_request()
    return None


def last(response: Response) -> Response:
    """On every answer."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    return cors.say(response, parts().settings.cors_origins)
