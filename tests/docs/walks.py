"""How the pages are walked through: what each takes for granted, and what of it is not run here.

A page that is not named here is walked through all the same, in an empty folder with the program
and a simulated Expo at hand, and has to work as it is typed.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias, TypeVar

from tests.docs import scenes
from tests.docs.pages import PAGES, Block, blocks, page
from tests.docs.scene import Scene

T = TypeVar("T")

Step: TypeAlias = Callable[[Scene], str | None]
"""Makes true what a page takes for granted; a reason instead, where this machine has not got what
it takes."""

REPLACED: Mapping[str, str] = {
    r"\b(?:127\.0\.0\.1|localhost):8000\b": "127.0.0.1:{port}",
    r"\b(?:127\.0\.0\.1|localhost):8100\b": "127.0.0.1:{expo_port}",
    r"--host 0\.0\.0\.0": "--host 127.0.0.1",
    r"--port 8000\b": "--port {port}",
    r"\bCALBELL_PORT=8000\b": "CALBELL_PORT={port}",
    r"calbell expo-simulator(?! --help| --port)": "calbell expo-simulator --port {expo_port}",
    r"calbell demo(?! --once| --help)": (
        "calbell demo --port {port} --simulator-port {expo_port} --no-open-page"
    ),
}
"""What is other here than on every page: ports that are free, and nobody but this machine."""


HARMLESS = {
    *("calbell", "curl", "make", "node", "openssl", "pg_dump", "pg_restore", "python"),
    *("cat", "cd", "cp", "cut", "date", "echo", "head", "install", "mkdir", "mv", "printf", "rm"),
    *(".", ":", "export", "grep", "kill", "python3", "set", "sleep", "umask", "wait"),
}
"""What commands may call that are run, in their folder and on this machine; see `dangers`."""


class Walk(NamedTuple):
    """A page, or what stands `under` one of its headings, from the top to the bottom in one
    shell."""

    page: str
    under: str = ""
    variables: Mapping[str, str] = {}
    replaced: Mapping[str, str] = {}
    """What is other here than on this page. Both may name what a scene offers: `{postgres}`."""
    prelude: Step = scenes.nothing
    before: Mapping[str, Step] = {}
    """What a reader has done before the block that holds these words."""
    afterwards: Step = scenes.nothing

    @property
    def name(self) -> str:
        return f"{self.page}#{self.under}" if self.under else self.page


WALKS = (
    Walk(
        "README.md",
        replaced={
            "ExponentPushToken[xxxxxxxxxxxxxxxxxxxxxx]": "ExponentPushToken[ok]",
            # The demo chooses what it is about.
            "Product demo between": "… between",
        },
        afterwards=scenes.the_phone_rang,
    ),
    Walk(
        "docs/how-to/add-a-language.md",
        prelude=scenes.a_copy_of_the_checkout,
        before={"calbell push": scenes.a_service_and_a_phone_of_user_1},
    ),
    Walk(
        "docs/how-to/back-up-and-restore.md",
        under="SQLite",
        prelude=scenes.user_7_and_a_service,
        before={"calbell serve --restored": scenes.another_user_and_no_service},
        afterwards=scenes.as_it_was_copied,
    ),
    Walk(
        "docs/how-to/back-up-and-restore.md",
        under="PostgreSQL",
        variables={"CALBELL_DATABASE_URL": "{postgres}"},
        prelude=scenes.tables_with_user_7,
        before={"pg_restore": scenes.another_user_and_an_empty_database},
        afterwards=scenes.as_it_was_copied,
    ),
    Walk(
        "docs/how-to/bring-your-tokens.md",
        prelude=scenes.the_table_of_the_page,
        afterwards=scenes.both_phones_are_there,
    ),
    Walk(
        "docs/how-to/connect-cal-com.md",
        replaced={
            "https://push.example.com": "http://127.0.0.1:{port}",
            "https://cal-api.example.com/v2": "{calcom}",
            "/etc/calbell/": "{folder}/",
        },
        prelude=scenes.the_key_of_a_user_of_cal_com,
        before={"calbell connect --dry-run": scenes.a_service},
    ),
    Walk(
        "docs/how-to/move-to-postgresql.md",
        replaced={
            "sqlite:////var/lib/calbell/calbell.db": "sqlite:///calbell.db",
            "postgresql://calbell@127.0.0.1/calbell": "'{postgres}'",
        },
        prelude=scenes.user_7,
        afterwards=scenes.user_7_has_moved,
    ),
    Walk("docs/how-to/run-in-containers.md", afterwards=scenes.the_settings_are_good),
    Walk(
        "docs/how-to/run-on-several-machines.md",
        replaced={
            "postgresql://calbell@db.example.com/calbell"
            "?sslmode=verify-full&sslrootcert=/etc/calbell/ca.crt": "{postgres}",
            "/etc/calbell/": "{folder}/",
        },
        prelude=scenes.a_secret_in_a_file,
        afterwards=scenes.the_sessions_have_their_name,
    ),
    Walk(
        "docs/how-to/run-with-systemd.md",
        replaced={
            "sudo -u calbell ": "",
            "/opt/calbell": "{folder}",
            "/etc/calbell": "{folder}/etc",
            "/var/lib/calbell": "{folder}/lib",
        },
        prelude=scenes.the_folder_of_the_service,
    ),
    Walk(
        "docs/how-to/tell-events.md",
        replaced={"2026-12-01": "{next_week}"},
        prelude=scenes.a_service_with_ada_and_bob,
    ),
    Walk(
        "docs/how-to/test-expo-pushes-without-expo.md",
        before={"node push.mjs": scenes.node_and_expos_sdk},
        afterwards=scenes.the_simulator_did_as_it_was_told,
    ),
    Walk("docs/how-to/upgrade.md", under="SQLite", prelude=scenes.user_7_and_a_service),
    Walk(
        "docs/how-to/upgrade.md",
        under="PostgreSQL",
        variables={"CALBELL_DATABASE_URL": "{postgres}"},
        prelude=scenes.tables_with_user_7,
    ),
    Walk("docs/how-to/upgrade.md", under="On a copy", prelude=scenes.user_7),
    Walk(
        "docs/how-to/watch-it.md",
        prelude=scenes.a_service_with_an_operator,
        afterwards=scenes.every_metric_was_told,
    ),
    Walk(
        "docs/reference/preferences.md",
        prelude=scenes.a_service_with_a_user_and_a_key,
        afterwards=scenes.each_change_counted,
    ),
    Walk(
        "docs/tutorial/expo-app.md",
        variables={"CALBELL_RECEIPT_DELAY_SECONDS": "1"},
        before={"calbell push": scenes.a_phone_of_user_7},
    ),
    Walk(
        "docs/tutorial/first-push.md",
        replaced={
            "/tmp/first-push": "{folder}/first-push",
            # The receipt may be there already.
            "accepted by Expo, not yet known further": "…",
        },
    ),
    Walk(
        "docs/tutorial/self-hosted-cal-com.md",
        replaced={
            "https://push.example.com": "http://127.0.0.1:{port}",
            "https://api.example.com/v2": "{calcom}",
            "/etc/calbell/": "{folder}/",
            "cal_live_…": "cal_live_of-user-7",
            "ExponentPushToken[…]": "ExponentPushToken[ok]",
        },
        prelude=scenes.the_settings_of_the_page,
        before={"/readyz": scenes.a_service},
    ),
)

NOT_RUN: Mapping[tuple[str, str], str] = {
    ("docs/how-to/add-a-language.md", "tests/unit/test_catalogues.py"): (
        "needs the translation, and runs a minute of tests"
    ),
    ("docs/tutorial/expo-app.md", "create-expo-app"): "needs an account at Expo",
    ("docs/tutorial/expo-app.md", "eas-cli build"): "needs an account at Expo, and credentials",
    ("docs/how-to/route-single-paths.md", "https://api.example.com"): (
        "needs a DNS name and its certificate; acceptance/test_behind_proxies.py asks the same"
    ),
    ("docs/how-to/run-in-containers.md", "docker build"): "needs a container engine",
    ("docs/how-to/run-in-containers.md", "docker run"): "needs a container engine",
    ("docs/how-to/run-in-containers.md", "docker logs"): "needs a container engine",
    ("docs/how-to/run-in-containers.md", "docker compose exec"): "needs a container engine",
    ("docs/how-to/run-in-containers.md", "docker compose run"): "needs a container engine",
    ("docs/how-to/run-in-containers.md", "docker cp"): "needs a container engine",
    ("docs/how-to/run-with-systemd.md", "useradd"): "makes a user of this machine",
    ("docs/how-to/run-with-systemd.md", "systemctl"): "needs root, and systemd at work",
}
"""Commands that cannot be run here, by page and words of the block: why. They are read instead."""

REFUSED: Mapping[tuple[str, str], list[int]] = {
    ("docs/reference/preferences.md", '-d \'{"enabeld"'): [400],
}
"""Requests that are shown because they are refused, with the statuses of their answers."""

ELSEWHERE: Mapping[tuple[str, str], str] = {
    ("docs/how-to/hear-of-what-failed.md", "ntc_"): "tests/docs/test_hearing_of_what_failed.py",
    ("docs/how-to/hear-of-what-failed.md", "import hmac"): (
        "tests/docs/test_hearing_of_what_failed.py"
    ),
    ("docs/how-to/hear-of-what-failed.md", "node:crypto"): (
        "tests/docs/test_hearing_of_what_failed.py"
    ),
    ("docs/how-to/run-on-several-machines.md", "upstream"): (
        "tests/docs/test_run_on_several_machines.py"
    ),
    ("docs/how-to/test-expo-pushes-without-expo.md", "PushClient"): (
        "tests/docs/test_without_expo.py"
    ),
    ("docs/how-to/test-expo-pushes-without-expo.md", "import { Expo }"): "tests/docs/scenes.py",
    ("docs/how-to/test-expo-pushes-without-expo.md", "getExpoPushTokenAsync"): (
        "tests/docs/test_without_expo.py"
    ),
    ("docs/tutorial/expo-app.md", "export default"): ("tests/clients/expo_app/test_example_app.py"),
    ("docs/tutorial/expo-app.md", "bundleIdentifier"): (
        "tests/clients/expo_app/test_example_app.py"
    ),
}
"""Programs and JSON of pages, by page and words of the block: which other test tries them."""


def find(key: tuple[str, str]) -> list[Block]:
    """The blocks of the page that hold the words."""
    path, words = key
    return [one for one in page(path).blocks if words in one.text] if path in PAGES else []


def value_for(table: Mapping[tuple[str, str], T], block: Block) -> T | None:
    """What the table has for the block."""
    for (path, words), value in table.items():
        if path == block.page and words in block.text:
            return value
    return None


def is_run(block: Block) -> bool:
    """Whether it holds commands that are run, and not only read."""
    return block.language == "sh" and value_for(NOT_RUN, block) is None


def walk_of(block: Block) -> Walk:
    """The walk that comes to the block."""
    of_page = [walk for walk in WALKS if walk.page == block.page]
    under = (walk for walk in of_page if walk.under in block.headings)
    whole = (walk for walk in of_page if not walk.under)
    return next(under, next(whole, Walk(block.page)))


def walks() -> list[tuple[Walk, list[Block]]]:
    """Every walk, with the blocks that are run in it."""
    found: dict[str, tuple[Walk, list[Block]]] = {}
    for block in filter(is_run, blocks("sh")):
        walk = walk_of(block)
        found.setdefault(walk.name, (walk, []))[1].append(block)
    return list(found.values())


def shown_after(block: Block) -> list[Block]:
    """What the page shows of the block's output: the next block, if it is no program or command."""
    of_page = page(block.page).blocks
    following = of_page[of_page.index(block) + 1 :][:1]
    return [
        one
        for one in following
        if one.language in {"", "text", "json"} and one.headings == block.headings
    ]
