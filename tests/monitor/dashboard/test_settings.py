import environs
import pytest

from monitor.dashboard.settings import OWN_NAMES, DashboardSettings, networks_of


def test_without_variables_it_listens_on_this_machine_alone_and_nobody_may_change_anything(monkeypatch) -> None:
    for name in ("ADMIN_PORT", "ADMIN_TOKEN", "ADMIN_ADDRESS", "ADMIN_HOSTS", "LOCAL_NETWORKS"):
        monkeypatch.delenv(name, raising=False)
    read = DashboardSettings.from_env()
    assert (read.address, read.port, read.token, read.names) == ("127.0.0.1", 8081, "", OWN_NAMES)


def test_further_names_and_networks_are_added_to_our_own(monkeypatch) -> None:
    monkeypatch.setenv("ADMIN_HOSTS", "Dashboard, metrics.example.org")
    monkeypatch.setenv("LOCAL_NETWORKS", "172.18.0.0/16 10.0.0.7")
    read = DashboardSettings.from_env()
    assert read.names == OWN_NAMES | {"dashboard", "metrics.example.org"}
    assert [str(network) for network in read.readers[-2:]] == ["172.18.0.0/16", "10.0.0.7/32"]


@pytest.mark.parametrize(("name", "value"), [("ADMIN_PORT", "70000"), ("ACTS_REDIS_URL", "nonsense")])
def test_a_wrong_variable_is_named(monkeypatch, name, value) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(environs.EnvError, match=name):
        DashboardSettings.from_env()


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(environs.ValidationError, match="nonsense"):
        networks_of("10.0.0.0/8 nonsense")
