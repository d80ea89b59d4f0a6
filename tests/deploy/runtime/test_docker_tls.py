"""Which files of the acts store's URL a container gets, and how the URL reads then; no engine is asked."""

import os
import pwd
from pathlib import Path

import pytest

from deploy.runtime.docker_tls import FOLDER, as_inside, mounts, named, trouble
from lb.redis_url import redis_address

GROUP = 10001


@pytest.fixture
def files(tmp_path):
    """A CA, a certificate and its key, and the options that name them."""
    names = {"ssl_ca_certs": "ca.pem", "ssl_certfile": "client.pem", "ssl_keyfile": "client.key"}
    for name in names.values():
        (tmp_path / name).write_text(name)
    return {option: str(tmp_path / name) for option, name in names.items()}


def url(files: dict[str, str], before: str = "rediss://user:p%2Fw@store:6379/0?ssl_check_hostname=false&") -> str:
    return before + "&".join(f"{option}={file}" for option, file in files.items())


def test_each_file_is_mounted_read_only_by_the_name_of_its_option(files):
    made = mounts({"ACTS_REDIS_URL": url(files)})
    assert [(one["Source"], one["Target"]) for one in made] == [
        (file, f"{FOLDER}/{option}") for option, file in files.items()
    ]
    assert {(one["Type"], one["ReadOnly"]) for one in made} == {("bind", True)}


@pytest.mark.parametrize("before", ["rediss://u:p%2Fw@store:6379/2?", "rediss+sentinel://:p@one:1,two:2/acts/2?"])
def test_the_url_names_them_as_a_container_sees_them_and_stays_what_it_was(files, before):
    told = as_inside({"ACTS_REDIS_URL": url(files, before), "ACTS_AUTH": "off"})
    assert told["ACTS_AUTH"] == "off"
    assert told["ACTS_REDIS_URL"] == url({option: f"{FOLDER}/{option}" for option in files}, before)
    assert redis_address(told["ACTS_REDIS_URL"]).database == 2


def test_other_options_stay(files):
    address = redis_address(as_inside({"ACTS_REDIS_URL": url(files)})["ACTS_REDIS_URL"])
    assert address.tls
    assert (address.password, address.tls.check_hostname) == ("p/w", False)
    assert address.tls.files == tuple(f"{FOLDER}/{option}" for option in files)


def test_a_relative_path_is_one_of_the_folder_where_the_service_runs(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (mount,) = mounts({"ACTS_REDIS_URL": "rediss://store:6379?ssl_ca_certs=ca.pem"})
    assert mount["Source"] == files["ssl_ca_certs"]


def test_a_file_that_is_not_here_is_the_images(tmp_path):
    variables = {"ACTS_REDIS_URL": f"rediss://store:6379/0?ssl_ca_certs={tmp_path}/none.pem"}
    assert named(variables) == {"ssl_ca_certs": f"{tmp_path}/none.pem"}
    assert mounts(variables) == []
    assert as_inside(variables) == variables


@pytest.mark.parametrize("said", ["", "unix:///run/acts.sock", "redis://store:6379/0", "rediss://store:6379/0"])
def test_a_url_without_files_needs_none(said):
    assert mounts({"ACTS_REDIS_URL": said}) == []
    assert as_inside({"ACTS_REDIS_URL": said}) == {"ACTS_REDIS_URL": said}
    assert mounts({}) == []
    assert as_inside({}) == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's containers have another account than root's")
def test_what_the_containers_account_may_not_read_is_told_with_the_fix(files):
    variables = {"ACTS_REDIS_URL": url(files)}
    key = files["ssl_keyfile"]
    assert trouble(variables, GROUP) == ""
    Path(key).chmod(0o640)
    assert trouble(variables, GROUP) == (
        f"containers may not read {key}, which ACTS_REDIS_URL names: chgrp 10001 {key} && chmod g+r {key}"
    )
    os.chown(key, -1, GROUP)
    assert trouble(variables, GROUP) == ""


def test_a_folder_that_is_closed_to_the_services_account_is_told(files, tmp_path):
    account = os.geteuid()
    tmp_path.chmod(0)
    if account == 0:  # no mode keeps root out
        os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        told = trouble({"ACTS_REDIS_URL": url(files)}, GROUP)
    finally:
        os.seteuid(account)
        tmp_path.chmod(0o755)
    assert told.startswith("this account may not look at ")
    assert "ACTS_REDIS_URL" in told
