"""Running programs for the acceptance tests, shared as far as tests do not disturb each other."""

from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import pytest

from tests import postgresql
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Database, Stand

EngineName: TypeAlias = Literal["sqlite", "postgresql"]
NewDatabase: TypeAlias = Callable[[EngineName], Database]
Stands: TypeAlias = Callable[..., Stand]


@pytest.fixture(scope="session")
def expo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Expo]:
    """One simulated Expo for all: its phones do not know each other."""
    started = Expo.start(tmp_path_factory.mktemp("expo"))
    yield started
    started.program.stop()
    assert started.program.err == []


@pytest.fixture(scope="session")
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> NewDatabase:
    """`new_database(engine)` is a database of its own, up to date and empty."""

    def make(engine: EngineName) -> Database:
        folder = tmp_path_factory.mktemp("calbell")
        if engine == "sqlite":
            return Database(f"sqlite:///{folder}/calbell.db", folder)
        return Database(postgresql.new_database(request.getfixturevalue("postgres")), folder)

    return make


@pytest.fixture(scope="session")
def stands(new_database: NewDatabase, expo: Expo) -> Iterator[Stands]:
    """`stands(engine, **variables)` is a running Calbell with these settings: the same one for all
    who ask for the same. When all tests are done it has to end well and to have told no secrets."""
    running: dict[tuple[object, ...], Stand] = {}

    def find(engine: EngineName, **variables: str) -> Stand:
        key = (engine, *sorted(variables.items()))
        if key not in running:
            running[key] = Stand(new_database(engine), expo, variables)
        return running[key]

    yield find
    for stand in running.values():
        stand.program.ask_to_stop()
    for stand in running.values():
        stand.end_well()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> EngineName:
    """Each test that asks for it runs on both engines."""
    name: EngineName = request.param
    return name


@pytest.fixture
def stand(engine: EngineName, stands: Stands) -> Stand:
    """A running Calbell with ordinary settings, on each engine."""
    return stands(engine)


@pytest.fixture
def sqlite_stand(stands: Stands) -> Stand:
    """A running Calbell with ordinary settings, where the engine cannot matter."""
    return stands("sqlite")


@pytest.fixture
def own_stand(
    engine: EngineName, new_database: NewDatabase, expo: Expo
) -> Iterator[Callable[..., Stand]]:
    """`own_stand(**variables)` is a Calbell that nobody else uses."""
    made: list[Stand] = []

    def make(**variables: str) -> Stand:
        made.append(Stand(new_database(engine), expo, variables))
        return made[-1]

    yield make
    for stand in made:
        if stand.program.is_running:
            stand.stop()
