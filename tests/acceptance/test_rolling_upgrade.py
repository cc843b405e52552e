"""An upgrade of a running Calbell, process by process: the release before goes on with the new
schema while it lasts."""

import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from tests import payloads
from tests.acceptance.cluster import Api, Cluster
from tests.acceptance.programs import Program, command
from tests.acceptance.servers import Expo
from tests.acceptance.stand import Database, Meeting, Stand, User, started, states
from tests.postgresql import new_database

ROOT = Path(__file__).parents[2]
MIGRATIONS = Path("src/calbell/store/migrations")
PROMISES = "0005_promises.sql"
"""The migration since which the database says which programs go on with it."""


def git(*words: str) -> bytes:
    """What git says; the test is skipped where it has nothing to say."""
    try:
        done = subprocess.run(["git", "-C", ROOT, *words], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip(f"not a checkout with its history: git {words[0]} fails")
    if not done.stdout:
        pytest.skip(f"not a checkout with its history: git {words[0]} says nothing")
    return done.stdout


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the program as it was before the newest migration."""
    newest = git("log", "-1", "--format=%H", "--", str(MIGRATIONS / "*.sql")).decode().strip()
    parent = git("rev-parse", "--verify", "--quiet", f"{newest}^").decode().strip()
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=BytesIO(git("archive", parent, "src"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / "src"


class PreviousDatabase(Database):
    """A database that the program of before made, and works on."""

    def __init__(self, url: str, folder: Path, sources: Path) -> None:
        self.sources = sources
        super().__init__(url, folder)

    @override
    def run(self, *arguments: str, **variables: str) -> Any:
        return super().run(*arguments, PYTHONPATH=str(self.sources), **variables)

    @override
    def user(self, *more_emails: str) -> User:
        """A new user, made by the command line of that program."""
        email = "olivia@example.com"
        added = self.run("users", "add", "--id=7", f"--email={email}", "--name=Olivia Sample")
        assert added.code == 0
        key = self.run("keys", "create", "--user=7").out.strip()
        self.private |= {email, key.removeprefix("cal_")}
        return User(7, email, "Olivia Sample", key)


@pytest.fixture
def old(
    postgres: str, previous: Path, expo: Expo, tmp_path: Path
) -> Iterator[tuple[Cluster, Program]]:
    """The program of before: one process that answers and one that delivers."""
    url = new_database(postgres)
    database = PreviousDatabase(url, tmp_path, previous)
    cluster = Cluster(database, expo, {"PYTHONPATH": str(previous)}, workers=1)
    yield cluster, cluster.workers[0]
    cluster.stop()


def rings(stand: Stand, user: User) -> None:
    """A booking that is told there reaches the user's phone."""
    meeting = Meeting(user)
    stand.tell(meeting.webhook(payloads.created))
    assert states(stand.settled(meeting.uid)) == ["delivered"]


def test_the_release_before_goes_on_while_the_others_are_upgraded(
    old: tuple[Cluster, Program], previous: Path, expo: Expo
) -> None:
    cluster, old_worker = old
    url, folder = cluster.database.url, cluster.database.folder
    user = cluster.database.user()
    cluster.api.phone(user)
    rings(cluster.api, user)

    migrated = command(["migrate"], folder, {"CALBELL_DATABASE_URL": url})
    assert (migrated.code, migrated.err) == (0, "")
    assert migrated.out.startswith("applied: ")
    rings(cluster.api, user)

    present = Database(url, folder)
    with ExitStack() as ends:
        new = Api(present, expo, {})
        ends.callback(new.stop)
        # A new process that answers, an old one that delivers.
        rings(new, user)
        variables = {**new.variables}
        new_worker = Program(["-m", "calbell", "worker"], folder, variables)
        ends.callback(new_worker.stop)
        new_worker.first(new_worker.err, started)
        cluster.workers.remove(old_worker)
        old_worker.stop()
        # The other way round.
        rings(cluster.api, user)
        rings(new, user)

        if (previous.parent / MIGRATIONS / PROMISES).exists():
            assert cluster.api.ask("GET", "/readyz").status == 200
            cluster.api.stop()
            cluster.api.start()
            cluster.add_worker()
            rings(cluster.api, user)
