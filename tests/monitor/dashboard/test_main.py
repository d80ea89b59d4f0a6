from monitor.dashboard.main import create_dashboard


def test_without_settings_the_environment_is_read(monkeypatch) -> None:
    monkeypatch.setenv("ADMIN_PORT", "8099")
    app = create_dashboard()
    assert app.extensions["dashboard"].settings.port == 8099


def test_every_route_that_changes_something_takes_post_alone(app) -> None:
    methods = {rule.rule: rule.methods - {"HEAD", "OPTIONS"} for rule in app.url_map.iter_rules()}
    assert {path: allowed for path, allowed in methods.items() if allowed not in ({"GET"}, {"POST"})} == {}
