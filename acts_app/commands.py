"""`backup FILE` and `restore FILE` for the command line; the group that they belong to is put together elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import redis
from environs import Env

from acts_app import backup as archive
from acts_app.secret_files import secret, with_password
from acts_app.store_connection import Client, connect

STORE = click.option(
    "--store", envvar="ACTS_REDIS_URL", required=True, help="Redis URL of the acts store [ACTS_REDIS_URL]."
)
FILE = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
PATIENCE = 30.0  # seconds for one answer; a batch may be a hundred megabytes


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what is expected to go wrong into one sentence and exit code 1."""
    try:
        yield
    except archive.BackupError as problem:
        raise click.ClickException(str(problem)) from problem
    except (redis.RedisError, ValueError) as problem:
        raise click.ClickException(f"The acts store (ACTS_REDIS_URL) does not do it: {problem}") from problem


@click.command()
@FILE
@STORE
def backup(file: Path, store: str) -> None:
    """Write all accounts, categories and acts to FILE, while the service runs."""
    with in_words(), click.progressbar(length=1, label="Reading acts", show_pos=True) as bar:
        for done, total in archive.backup(opened(store), file):
            bar.length = total
            bar.update(done - bar.pos)
    with in_words():
        click.echo(f"{file}: {told(archive.check(file))}, {file.stat().st_size / 1e6:.1f} MB.")


@click.command()
@FILE
@STORE
@click.option("--replace", is_flag=True, help="Remove what the store holds first.")
def restore(file: Path, store: str, replace: bool) -> None:
    """Put the accounts, categories and acts of FILE into the store, while the service runs."""
    with in_words():
        client, counts = opened(store), archive.check(file)
        make_room(client, replace)
        with click.progressbar(length=counts.acts, label="Putting acts back", show_pos=True) as bar:
            for done in archive.restore(client, file):
                bar.update(done - bar.pos)
    click.echo(f"Put back: {told(counts)}.")


def opened(store: str) -> Client:
    """A client of the store at this URL. Its password may stand apart, in ACTS_REDIS_PASSWORD."""
    return connect(with_password(store, secret(Env(), "ACTS_REDIS_PASSWORD")), timeout=PATIENCE)


def make_room(client: Client, replace: bool) -> None:
    """Refuse to mix a backup with what is there, unless told to remove that."""
    if archive.is_empty(client):
        return
    if not replace:
        acts = archive.acts_in_store(client)
        raise archive.BackupError(f"The store is not empty ({acts} acts): --replace puts the backup in its place.")
    archive.clear(client)


def told(counts: archive.Counts) -> str:
    """The counts in words."""
    users = "1 user" if counts.users == 1 else f"{counts.users} users"
    categories = "1 category" if counts.categories == 1 else f"{counts.categories} categories"
    return f"{users}, {categories}, {'1 act' if counts.acts == 1 else f'{counts.acts} acts'}"
