"""What pages take for granted, made true; and what has to be true when they were followed."""

import json
import shutil

import psycopg

from calbell.config import load
from calbell.telemetry import Metrics
from tests.acceptance.programs import until
from tests.docs.pages import ROOT, page
from tests.docs.scene import Scene

OK = "ExponentPushToken[ok]"
"""A phone that every simulator has."""

SDK = ROOT / "tests" / "clients" / "node" / "node_modules" / "expo-server-sdk-7"
ADMIN_TOKEN = "0123456789abcdef0123456789abcdef"


def nothing(scene: Scene) -> None:
    """An empty folder is enough."""


def user_7(scene: Scene) -> None:
    scene.shell.run("calbell users add --id=7 --email=ada@example.com")


def another_user(scene: Scene) -> None:
    scene.shell.run("calbell users add --id=8 --email=bob@example.com")


def a_service(scene: Scene) -> None:
    scene.shell.run("calbell serve &")


def a_service_with_an_operator(scene: Scene) -> None:
    scene.shell.run(f"export CALBELL_ADMIN_TOKEN={ADMIN_TOKEN}\ncalbell serve &")


def a_service_with_a_user_and_a_key(scene: Scene) -> None:
    user_7(scene)
    scene.shell.run("KEY=$(calbell keys create --user=7)\ncalbell serve &")


def a_service_with_ada_and_bob(scene: Scene) -> None:
    user_7(scene)
    another_user(scene)
    a_service(scene)


# README.md


def the_phone_rang(scene: Scene) -> None:
    """The booking that the page tells of reached the phone that it registers."""
    (shown,) = until(lambda: scene.expo.displayed(OK) or None, "the phone to ring")
    assert shown.message.title == "Booking Confirmed"
    assert "A try" in str(shown.message.body)


# docs/how-to/add-a-language.md


def a_copy_of_the_checkout(scene: Scene) -> None:
    """The page writes into it."""
    for name in ("src", "tests"):
        unwanted = shutil.ignore_patterns("node_modules", "__pycache__")
        shutil.copytree(ROOT / name, scene.folder / name, ignore=unwanted)
    scene.shell.use_checkout(scene.folder)


def a_service_and_a_phone_of_user_1(scene: Scene) -> None:
    (scene.folder / "tokens.csv").write_text(
        f"user_id,token,platform,device_id,email\n1,{OK},IOS,,you@example.com\n"
    )
    scene.shell.run("calbell import tokens.csv\ncalbell serve &")


# docs/how-to/back-up-and-restore.md


def user_7_and_a_service(scene: Scene) -> None:
    user_7(scene)
    a_service(scene)


def another_user_and_no_service(scene: Scene) -> None:
    """The copy is older, and the original is lost."""
    another_user(scene)
    scene.shell.stop_servers()


def tables_with_user_7(scene: Scene) -> None:
    scene.shell.run("calbell migrate")
    user_7(scene)


def another_user_and_an_empty_database(scene: Scene) -> None:
    another_user(scene)
    scene.shell.run(f"CALBELL_DATABASE_URL='{scene.new_database()}'")


def as_it_was_copied(scene: Scene) -> None:
    listed = scene.shell.run("calbell users list").out
    assert "ada@example.com" in listed
    assert "bob@example.com" not in listed
    assert '"restored"' in scene.said[-1].err
    file = scene.folder / "calbell.db"
    assert not file.exists() or file.stat().st_mode & 0o777 == 0o600


# docs/how-to/bring-your-tokens.md


def the_table_of_the_page(scene: Scene) -> None:
    (table,) = (
        one.text for one in page("docs/how-to/bring-your-tokens.md").blocks if one.language == "csv"
    )
    (scene.folder / "tokens.csv").write_text(table, "utf-8")


def both_phones_are_there(scene: Scene) -> None:
    shown = scene.shell.run("calbell users show 456").out
    assert "2 to ring" in shown
    assert "Europe/Berlin" in shown


# docs/how-to/connect-cal-com.md


def the_key_of_a_user_of_cal_com(scene: Scene) -> None:
    scene.calcom.person("cal_live_of-user-7", 7)
    (scene.folder / "calcom-key").write_text("cal_live_of-user-7\n")


# docs/how-to/move-to-postgresql.md


def user_7_has_moved(scene: Scene) -> None:
    assert "nothing was changed: this was a dry run" in scene.said[0].out
    assert "ada@example.com" in scene.shell.run("CALBELL_DATABASE_URL=$NEW calbell users list").out
    assert not list(scene.folder.glob("*.ndjson"))


# docs/how-to/run-in-containers.md


def the_settings_are_good(scene: Scene) -> None:
    """As an engine hands them to a container: a file of lines, and the files of `secrets`."""
    folder = scene.folder
    (folder / "calbell.env").rename(folder / ".env")
    assert len(load({}, folder).webhook_secrets) == 1
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o700
    names = {"database-url": "DATABASE_URL", "webhook-secrets": "WEBHOOK_SECRETS"}
    names["admin-token"] = "ADMIN_TOKEN"
    files = {f"CALBELL_{name}_FILE": f"secrets/{file}" for file, name in names.items()}
    settings = load(files, folder)
    password = (folder / "secrets" / "database-password").read_text().strip()
    assert f":{password}@database/" in settings.database_url


# docs/how-to/run-on-several-machines.md


def a_secret_in_a_file(scene: Scene) -> None:
    (scene.folder / "webhook-secrets").write_text("a-secret\n")


def the_sessions_have_their_name(scene: Scene) -> None:
    """As the query of the page shows them."""
    codes = page("docs/how-to/run-on-several-machines.md").codes
    (query,) = (code.text for code in codes if code.text.startswith("select "))
    with psycopg.connect(str(scene["postgres"])) as administrator:
        named = {row[0] for row in administrator.execute(query.encode()).fetchall()}
    assert "calbell" in named


# docs/how-to/run-with-systemd.md


def the_folder_of_the_service(scene: Scene) -> None:
    (scene.folder / "lib").mkdir()


# docs/how-to/test-expo-pushes-without-expo.md


def node_and_expos_sdk(scene: Scene) -> str | None:
    if shutil.which("node") is None:
        return "Node is not installed"
    if not SDK.exists():
        return "Expo's Node SDK is not installed: make clients"
    (program,) = (
        one.text
        for one in page("docs/how-to/test-expo-pushes-without-expo.md").blocks
        if "import { Expo }" in one.text
    )
    (scene.folder / "push.mjs").write_text(program)
    (scene.folder / "node_modules").mkdir()
    (scene.folder / "node_modules" / "expo-server-sdk").symlink_to(SDK)
    return None


def the_simulator_did_as_it_was_told(scene: Scene) -> None:
    said = "".join(one.out for one in scene.said)
    assert '"name":"My Pixel"' in said
    assert '"title":"From curl"' in said
    assert "From Node" not in said or "status: 'ok'" in said


# docs/how-to/watch-it.md


def every_metric_was_told(scene: Scene) -> None:
    told = "".join(one.out for one in scene.said)
    for family in Metrics().registry.collect():
        assert f"# TYPE {family.name}" in told


# docs/tutorial/


def a_phone_of_user_7(scene: Scene) -> None:
    (scene.folder / "tokens.csv").write_text(
        f"user_id,token,platform,device_id,email\n7,{OK},IOS,,ada@example.com\n"
    )
    scene.shell.run("calbell import tokens.csv")


def the_settings_of_the_page(scene: Scene) -> None:
    """The file that the page has its reader write."""
    scene.calcom.person("cal_live_of-user-7", 7)
    (scene.folder / ".env").write_text(
        f"CALBELL_PUBLIC_URL=http://127.0.0.1:{scene['port']}\n"
        f"CALBELL_ADMIN_TOKEN={ADMIN_TOKEN}\n"
        "CALBELL_AUTH=keys,calcom\n"
        f"CALBELL_CALCOM_API_URL={scene['calcom']}\n"
    )


# docs/reference/preferences.md


def each_change_counted(scene: Scene) -> None:
    many, nights, none, calcom = (json.loads(one.out)["data"] for one in scene.said[1:5])
    assert many["quietHours"]["to"] == "07:00"
    assert (many["reminders"], many["events"]["RECORDING_READY"]) == ([10, 60], False)
    assert nights["quietHours"]["from"] == "22:00"
    assert nights["quietHours"]["to"] == "06:30"
    assert len(nights["quietHours"]["weekdays"]) == 5
    assert none["quietHours"]["weekdays"] == []
    assert (calcom["enabled"], calcom["events"]["BOOKING_CONFIRMED"]) == (True, False)
