"""What all tests share: hypothesis' profile and a real PostgreSQL."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import hypothesis
import psycopg
import pytest

from tests.postgresql import new_database, shared_server

hypothesis.settings.register_profile("calbell", deadline=None, print_blob=True)
hypothesis.settings.load_profile("calbell")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of an administrator's database at a PostgreSQL server: of this test process, or the
    one that `CALBELL_TEST_POSTGRES` names."""
    with shared_server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """The URL of an empty database."""
    url = new_database(postgres)
    yield url
    name = urlsplit(url).path.removeprefix("/")
    with psycopg.connect(postgres, autocommit=True) as server:
        server.execute(f'drop database "{name}" with (force)'.encode())
