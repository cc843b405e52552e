"""The running programs of the acceptance tests, and a phone under Node."""

from pathlib import Path

import pytest

from tests.acceptance.conftest import expo, new_database, sqlite_stand, stands
from tests.clients.expo_app.node import Phone

__all__ = ["expo", "new_database", "phone", "sqlite_stand", "stands"]


@pytest.fixture
def phone(tmp_path: Path) -> Phone:
    """Runs an app's code; without Node and its packages the test is skipped."""
    return Phone(tmp_path)
