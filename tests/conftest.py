"""What all tests share: hypothesis' profile and a real PostgreSQL."""

from collections.abc import Iterator

import hypothesis
import pytest

from tests.postgresql import drop_database, new_database, shared_server

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
    drop_database(postgres, url)
