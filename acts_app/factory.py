"""Puts one container's application together: `create_app(settings)`."""

import re

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from acts_app import (
    account_pages,
    act_pages,
    acts_routes,
    assets,
    browse_pages,
    categories_routes,
    cors,
    csrf,
    errors,
    image_routes,
    openapi,
    page,
    security_headers,
    service_routes,
    sessions,
    upload_pages,
    users_routes,
)
from acts_app.answers import error
from acts_app.auth import Gatekeeper, Sessions
from acts_app.parts import EXTENSION, Parts, parts
from acts_app.rate_limits import RateLimits
from acts_app.raw_paths import ActId, KeepSlashes, Name
from acts_app.session_secret import session_secret
from acts_app.settings import ActsSettings
from acts_app.stat import Stat
from acts_app.store import Store

COUNTED = re.compile(r"/api/v1/(users|categories|acts)(/|$)")  # what `_count` counts
PROTOCOL = (users_routes, categories_routes, acts_routes, service_routes, openapi)
PAGES = (browse_pages, act_pages, account_pages, upload_pages, image_routes, assets)


def create_app(settings: ActsSettings | None = None) -> Flask:
    """The WSGI application. Connects to the store with its first request, not here."""
    settings = settings or ActsSettings.from_env()
    app = Flask("acts_app", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_upload
    assets.install(app)
    app.extensions[EXTENSION] = make_parts(settings)
    sessions.install(app, session_secret(settings))
    page.install(app)
    errors.install(app)
    app.before_request(first)
    app.after_request(last)
    route(app)
    behind_one_proxy(app)
    return app


def make_parts(settings: ActsSettings) -> Parts:
    """The container's parts, wired."""
    store = Store.at(settings.redis_url)
    limits = RateLimits(store.client, settings.signup_limit)
    gate = Gatekeeper(settings, store.accounts, limits, Sessions(sessions.viewer, csrf.check))
    return Parts(settings, store, gate, limits, Stat())


def route(app: Flask) -> None:
    """Every route there is."""
    app.url_map.merge_slashes = False
    app.url_map.converters |= {"name": Name, "act_id": ActId}
    for module in (*PROTOCOL, *PAGES):
        app.register_blueprint(module.routes)


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
    return cors.say(security_headers.say(response), parts().settings.cors_origins)
