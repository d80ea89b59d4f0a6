"""Releases on a real folder: what is kept of a command and of our own application."""

import os
import sys

import pytest

from deploy.runtime.base import ImageMissing
from deploy.runtime.releases import KEPT, Releases, fingerprint_of, label_of
from deploy.settings import ACTS_COMMAND, ROOT

COMMAND = (sys.executable, "app.py", "--quiet")


@pytest.fixture
def application(tmp_path):
    folder = tmp_path / "checkout" / "acts_app"
    folder.mkdir(parents=True)
    (folder / "factory.py").write_text("VERSION = 1")
    return folder


@pytest.fixture
def releases(tmp_path, application):
    return Releases(tmp_path / "releases", ACTS_COMMAND, application)


def test_our_own_application_is_kept_as_it_was(releases, application):
    first = releases.current()
    (application / "factory.py").write_text("VERSION = 2")
    second = releases.current()
    assert first.name != second.name
    assert (first.folder / "acts_app" / "factory.py").read_text() == "VERSION = 1"
    assert (second.folder / "acts_app" / "factory.py").read_text() == "VERSION = 2"


def test_the_same_code_is_the_same_release(releases):
    assert releases.current() == releases.current()


def test_a_release_is_found_by_its_exact_name(releases):
    made = releases.current()
    assert releases.find(made.name) == made
    assert releases.of_line(made.name) == made


@pytest.mark.parametrize("name", ["", "acts", "acts@0123456789ab", "acts@../../../..", "@", "a@b"])
def test_anything_else_is_no_release(releases, name):
    assert releases.find(name) is None


def test_another_application_is_its_command_in_the_checkout(tmp_path):
    releases = Releases(tmp_path, COMMAND)
    made = releases.current()
    assert (made.command, made.folder) == (COMMAND, ROOT)
    assert releases.find(made.name) == made


def test_a_command_line_is_a_release_of_its_own(tmp_path):
    releases = Releases(tmp_path, COMMAND)
    made = releases.of_line(f"{sys.executable} 'other app.py'")
    assert made.command == (sys.executable, "other app.py")
    assert made.name != releases.current().name


@pytest.mark.parametrize("line", ["no-such-program -x", "'half a quote", ""])
def test_what_cannot_be_run_is_refused(tmp_path, line):
    with pytest.raises(ImageMissing):
        Releases(tmp_path, COMMAND).of_line(line)


def test_the_oldest_are_forgotten_but_for_those_that_run(tmp_path):
    releases = Releases(tmp_path, COMMAND)
    made = [releases.of_line(f"{sys.executable} {number}.py") for number in range(KEPT + 3)]
    for age, release in enumerate(reversed(made)):
        os.utime(tmp_path / release.name.partition("@")[2], (1_000_000 - age, 1_000_000 - age))
    releases.prune({made[0].name})
    assert [releases.find(one.name) is not None for one in made] == [True, False, False] + [True] * KEPT


def test_what_python_has_compiled_does_not_make_another_release(application):
    before = fingerprint_of(application)
    (application / "__pycache__").mkdir()
    (application / "__pycache__" / "factory.pyc").touch()
    assert fingerprint_of(application) == before


@pytest.mark.parametrize(
    ("words", "label"), [(("python", "/srv/app.py"), "app.py"), (("/bin/run", "a b", "--x"), "run"), (("-x",), "-x")]
)
def test_a_release_is_called_by_the_word_that_tells_most(words, label):
    assert label_of(words) == label
