"""The whole dashboard for gunicorn: the application with all of its routes."""

from flask import Flask

from monitor.dashboard import controls, views
from monitor.dashboard.app import create_app
from monitor.dashboard.settings import DashboardSettings


def create_dashboard(settings: DashboardSettings | None = None) -> Flask:
    """The WSGI application; reads the environment when no settings are given."""
    app = create_app(settings or DashboardSettings.from_env())
    app.register_blueprint(views.routes)
    app.register_blueprint(controls.routes)
    return app
