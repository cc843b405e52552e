"""The configuration: what is read from where, what is refused, and that no secret is shown."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import time, timedelta
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calbell import config
from calbell.config import VARIABLES, ConfigError, Secret, Settings, describe, load

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "configuration.md"

EXAMPLES: Mapping[str, tuple[str, object]] = {
    "CALBELL_DATABASE_URL": ("postgresql://me:pw@db/calbell", "postgresql://me:pw@db/calbell"),
    "CALBELL_HOST": ("::1", "::1"),
    "CALBELL_PORT": ("0", 0),
    "CALBELL_PUBLIC_URL": ("https://bell.example/", "https://bell.example"),
    "CALBELL_TRUSTED_PROXIES": (
        "10.0.0.0/8, ::1",
        (ip_network("10.0.0.0/8"), ip_network("::1")),
    ),
    "CALBELL_AUTH": ("calcom,keys", (config.AuthMethod.CALCOM, config.AuthMethod.KEYS)),
    "CALBELL_CALCOM_API_URL": ("http://[::1]:5555/v2/", "http://[::1]:5555/v2"),
    "CALBELL_ADMIT": ("org:12,org:34", frozenset({12, 34})),
    "CALBELL_AUTO_CONNECT": ("user", config.AutoConnect.USER),
    "CALBELL_CALCOM_API_KEY": ("cal_live_1", Secret("cal_live_1")),
    "CALBELL_RECONCILE_SECONDS": ("60", timedelta(minutes=1)),
    "CALBELL_WEBHOOK_SECRETS": ("new one, ältere", (Secret("new one"), Secret("ältere"))),
    "CALBELL_ADMIN_TOKEN": ("0123456789abcdef", Secret("0123456789abcdef")),
    "CALBELL_EXPO_BASE_URL": ("http://127.0.0.1:9999/", "http://127.0.0.1:9999"),
    "CALBELL_EXPO_ACCESS_TOKEN": ("expo", Secret("expo")),
    "CALBELL_EXPO_MAX_CONCURRENCY": ("1", 1),
    "CALBELL_EXPO_RATE_LIMIT": ("0", 0),
    "CALBELL_EXPO_TIMEOUT_SECONDS": ("2.5", timedelta(seconds=2.5)),
    "CALBELL_RECEIPT_DELAY_SECONDS": ("0", timedelta(0)),
    "CALBELL_RETRY_BASE_SECONDS": ("0.25", timedelta(milliseconds=250)),
    "CALBELL_RETRY_MAX_SECONDS": ("600", timedelta(minutes=10)),
    "CALBELL_LEASE_SECONDS": ("90", timedelta(seconds=90)),
    "CALBELL_RECIPIENTS": ("hosts,Organizer", frozenset({"hosts", "organizer"})),
    "CALBELL_TOKEN_OWNERSHIP": ("shared", config.TokenOwnership.SHARED),
    "CALBELL_DEEP_LINK": ("https://cal.example/b/{uid}", "https://cal.example/b/{uid}"),
    "CALBELL_ANDROID_CHANNEL": ("bookings", "bookings"),
    "CALBELL_SOUND": ("bell.wav", "bell.wav"),
    "CALBELL_REQUEST_CATEGORY": ("requests", "requests"),
    "CALBELL_TEXTS_DIR": ("texts", Path("texts")),
    "CALBELL_SPOOL_DIR": ("/var/spool/calbell", Path("/var/spool/calbell")),
    "CALBELL_PRIVACY": ("no_names", config.Privacy.NO_NAMES),
    "CALBELL_DEFAULT_REMINDER_MINUTES": ("10,60,10", (10, 60)),
    "CALBELL_DEFAULT_QUIET_HOURS": ("22:00-07:30", (time(22), time(7, 30))),
    "CALBELL_RATE_LIMIT_API_KEY": ("60", 60),
    "CALBELL_RETENTION_DAYS": ("7", timedelta(days=7)),
    "CALBELL_CALLBACK_URL": ("https://ops.example/?to=me", "https://ops.example/?to=me"),
    "CALBELL_CALLBACK_SECRET": ("fedcba9876543210", Secret("fedcba9876543210")),
    "CALBELL_HEARTBEAT_URL": ("https://beat.example/1", "https://beat.example/1"),
    "CALBELL_METRICS_OPEN": ("TRUE", True),
    "CALBELL_LOG_FORMAT": ("json", config.LogFormat.JSON),
    "CALBELL_LOG_LEVEL": ("DEBUG", config.LogLevel.DEBUG),
}
"""A value that is not the default for every variable, as it is written and as it is read."""

SECRETS = [
    "CALBELL_CALCOM_API_KEY",
    "CALBELL_WEBHOOK_SECRETS",
    "CALBELL_ADMIN_TOKEN",
    "CALBELL_EXPO_ACCESS_TOKEN",
    "CALBELL_CALLBACK_SECRET",
]
NEEDED = {
    "CALBELL_CALLBACK_URL": {"CALBELL_CALLBACK_SECRET": EXAMPLES["CALBELL_CALLBACK_SECRET"][0]},
    "CALBELL_AUTO_CONNECT": {
        "CALBELL_PUBLIC_URL": "https://push.example.com",
        "CALBELL_AUTH": "calcom",
    },
}
"""What some settings do not go without."""

NOWHERE = Path("/nonexistent")

names = st.sampled_from(sorted(VARIABLES))
garbage = st.one_of(
    st.text(),
    st.text(st.characters(codec="ascii")),
    st.from_regex(r"(https?|sqlite|postgres)://?/?[^ ]*", fullmatch=True),
    st.sampled_from([text for text, _ in EXAMPLES.values()]).flatmap(
        lambda text: st.tuples(st.text(max_size=2), st.just(text), st.text(max_size=2)).map("".join)
    ),
    st.decimals().map(str),
    st.lists(st.sampled_from(["keys", "hosts", "org:1", "::", "1", " ", ""])).map(",".join),
)


def field_of(name: str) -> str:
    return {f.encode_name: f.name for f in msgspec.structs.fields(Settings)}[name]


def value_of(settings: Settings, name: str) -> object:
    value: object = getattr(settings, field_of(name))
    return value


def complaint(environ: Mapping[str, str], directory: Path = NOWHERE) -> ConfigError | None:
    """The error where there is one; any other exception is a bug."""
    try:
        load(environ, directory)
    except ConfigError as error:
        return error
    return None


def refusal(environ: Mapping[str, str], directory: Path = NOWHERE) -> str:
    error = complaint(environ, directory)
    assert error is not None
    assert str(error).isprintable()  # so it is one line
    return str(error)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


# The table


def test_every_variable_is_a_field_and_every_field_a_variable() -> None:
    fields = msgspec.structs.fields(Settings)
    assert [field.encode_name for field in fields] == list(VARIABLES) == list(EXAMPLES)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_is_called_as_its_field_give_or_take_the_unit(name: str) -> None:
    assert name.startswith(config.PREFIX + field_of(name).upper())
    assert not name.endswith("_FILE")


@pytest.mark.parametrize("name", VARIABLES)
def test_a_default_is_what_writing_it_out_would_give(name: str) -> None:
    variable = VARIABLES[name]
    expected = None if variable.default is None else variable.kind.read(variable.default)
    assert value_of(Settings(), name) == expected


@pytest.mark.parametrize("name", VARIABLES)
def test_a_value_is_read(name: str) -> None:
    text, expected = EXAMPLES[name]
    settings = load({**NEEDED.get(name, {}), name: text}, NOWHERE)
    assert value_of(settings, name) == expected
    assert value_of(Settings(), name) != expected


def test_the_reference_page_is_the_one_the_code_makes() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "calbell.config"], capture_output=True, check=True, encoding="utf-8"
    )
    again = "python -m calbell.config > docs/reference/configuration.md"
    assert PAGE.read_text("utf-8") == made.stdout, f"make it anew: {again}"
    assert all(f"| `{name}` |" in made.stdout for name in VARIABLES)


def test_nothing_given_is_the_defaults() -> None:
    assert load({}, NOWHERE) == Settings()
    assert load({"PATH": "/bin", "PORT": "x", "calbell_port": "x"}, NOWHERE) == Settings()


# Empty values


@pytest.mark.parametrize("name", VARIABLES)
def test_an_empty_value_is_the_same_as_none(name: str) -> None:
    settings = load({name: ""}, NOWHERE)
    if VARIABLES[name].kind.reads_empty:
        assert value_of(settings, name) is None
    else:
        assert settings == Settings()


def test_what_is_not_sent_when_empty_has_a_default_when_unset() -> None:
    names = ["CALBELL_ANDROID_CHANNEL", "CALBELL_SOUND", "CALBELL_REQUEST_CATEGORY"]
    settings = load(dict.fromkeys(names, ""), NOWHERE)
    assert (settings.android_channel, settings.sound, settings.request_category) == (None,) * 3
    assert Settings().sound == "default"


# Wrong values


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CALBELL_PORT", "65536"),
        ("CALBELL_PORT", "-1"),
        ("CALBELL_PORT", "8_000"),
        ("CALBELL_PORT", "٣"),
        ("CALBELL_PORT", "8000\n"),
        ("CALBELL_HOST", "http://localhost"),
        ("CALBELL_EXPO_MAX_CONCURRENCY", "0"),
        ("CALBELL_EXPO_MAX_CONCURRENCY", "101"),
        ("CALBELL_EXPO_TIMEOUT_SECONDS", "nan"),
        ("CALBELL_EXPO_TIMEOUT_SECONDS", "inf"),
        ("CALBELL_EXPO_TIMEOUT_SECONDS", "0"),
        ("CALBELL_EXPO_TIMEOUT_SECONDS", "1e1"),
        ("CALBELL_RETENTION_DAYS", "-1"),
        ("CALBELL_EXPO_BASE_URL", "exp.host"),
        ("CALBELL_EXPO_BASE_URL", "ftp://exp.host"),
        ("CALBELL_EXPO_BASE_URL", "http\u017f://exp.host"),
        ("CALBELL_EXPO_BASE_URL", "https://"),
        ("CALBELL_EXPO_BASE_URL", "https:///path"),
        ("CALBELL_EXPO_BASE_URL", "https://exp.host:0"),
        ("CALBELL_EXPO_BASE_URL", "https://exp.host:65536"),
        ("CALBELL_EXPO_BASE_URL", "https://[::1"),
        ("CALBELL_EXPO_BASE_URL", "https://exp.host?a=b"),
        ("CALBELL_EXPO_BASE_URL", "https://exp.host/a b"),
        ("CALBELL_RECIPIENTS", "organizer,,hosts"),
        ("CALBELL_RECIPIENTS", "everyone"),
        ("CALBELL_RECIPIENTS", "ho\u017fts"),
        ("CALBELL_WEBHOOK_SECRETS", "one,"),
        ("CALBELL_ADMIN_TOKEN", "short"),
        ("CALBELL_ADMIN_TOKEN", "with spaces in the middle"),
        ("CALBELL_ADMIN_TOKEN", "ümlaute-im-schlüssel"),
        ("CALBELL_DEEP_LINK", "no link"),
        ("CALBELL_DEEP_LINK", "app://{id}"),
        ("CALBELL_SOUND", "x" * 101),
        ("CALBELL_METRICS_OPEN", "yes"),
        ("CALBELL_AUTH", "password"),
        ("CALBELL_ADMIT", "org:"),
        ("CALBELL_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("CALBELL_TRUSTED_PROXIES", "proxy"),
        ("CALBELL_DEFAULT_QUIET_HOURS", "24:00-07:00"),
        ("CALBELL_DEFAULT_QUIET_HOURS", "07:00-07:00"),
        ("CALBELL_DEFAULT_REMINDER_MINUTES", "0"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(name: str, text: str) -> None:
    message = refusal({name: text})
    variable = VARIABLES[name]
    assert message.startswith(f"{name}=")
    assert message.endswith(f"(environment): must be {variable.kind.allowed}")


def test_the_line_reads_well() -> None:
    assert refusal({"CALBELL_PORT": "http"}) == (
        "CALBELL_PORT='http' (environment): must be a whole number from 0 to 65535"
    )
    assert "'" + "x" * 80 + "…'" in refusal({"CALBELL_PORT": "x" * 10_000})


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///calbell.db",
        "sqlite:////var/lib/calbell/calbell.db",
        "postgresql://user:password@host:5432/name",
        "postgresql://one,two:5433/name?target_session_attrs=read-write",
        "postgres:///name?host=/run/postgresql",
    ],
)
def test_a_database_is_a_sqlite_file_or_any_libpq_url(url: str) -> None:
    assert load({"CALBELL_DATABASE_URL": url}, NOWHERE).database_url == url


@pytest.mark.parametrize(
    "url",
    [
        "calbell.db",
        "sqlite:calbell.db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "mysql://h",
    ],
)
def test_another_database_is_refused(url: str) -> None:
    assert "must be sqlite:///relative.db" in refusal({"CALBELL_DATABASE_URL": url})


@given(name=names, text=garbage)
def test_any_value_of_any_variable_is_read_or_refused(name: str, text: str) -> None:
    error = complaint({name: text})
    assert error is None or (str(error).isprintable() and name in str(error))


@settings(deadline=None)  # reads files
@given(
    content=st.one_of(
        st.binary(), st.lists(garbage).map("\n".join).map(lambda t: t.encode("utf-8", "replace"))
    )
)
def test_any_env_file_and_any_secret_file_is_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / "token").write_bytes(content)
        errors = [complaint({"CALBELL_ADMIN_TOKEN_FILE": "token"}, directory)]
        (directory / "token").rename(directory / ".env")
        errors.append(complaint({}, directory))
    assert all(error is None or str(error).isprintable() for error in errors)


# Settings that have to fit each other


def test_a_lease_lasts_at_least_two_time_outs() -> None:
    assert refusal({"CALBELL_LEASE_SECONDS": "59.9"}) == (
        "CALBELL_LEASE_SECONDS=59.9: must be at least 60, twice CALBELL_EXPO_TIMEOUT_SECONDS (30)"
    )
    assert "at least 90" in refusal({"CALBELL_EXPO_TIMEOUT_SECONDS": "45"})
    fitting = {"CALBELL_EXPO_TIMEOUT_SECONDS": "45", "CALBELL_LEASE_SECONDS": "90"}
    assert load(fitting, NOWHERE).lease == timedelta(seconds=90)


def test_backoff_ends_no_lower_than_it_begins() -> None:
    assert refusal({"CALBELL_RETRY_BASE_SECONDS": "301"}) == (
        "CALBELL_RETRY_MAX_SECONDS=300: must be at least CALBELL_RETRY_BASE_SECONDS (301)"
    )


def test_notices_to_another_program_are_signed() -> None:
    assert "needs CALBELL_CALLBACK_SECRET" in refusal(
        {"CALBELL_CALLBACK_URL": "https://ops.example"}
    )


# Unknown names


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("CALBELL_PROT", "did you mean CALBELL_PORT?"),
        ("CALBELL_ADMIN_TOKENS", "did you mean CALBELL_ADMIN_TOKEN?"),
        ("CALBELL_ADMINTOKEN_FILE", "did you mean CALBELL_ADMIN_TOKEN_FILE?"),
        ("CALBELL_XYZZY", "remove it"),
        ("CALBELL_", "remove it"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(name: str, hint: str) -> None:
    message = refusal({name: "secret-value"})
    assert message == f"'{name}' (environment): there is no such setting; {hint}"


@given(suffix=st.text(max_size=200))
def test_any_unknown_name_is_refused(suffix: str) -> None:
    if f"CALBELL_{suffix}".removesuffix("_FILE") not in VARIABLES:
        refusal({f"CALBELL_{suffix}": "x"})


# The .env file


@pytest.mark.parametrize(
    ("line", "sound"),
    [
        ("CALBELL_SOUND=bell.wav", "bell.wav"),
        ("  export CALBELL_SOUND = bell.wav  ", "bell.wav"),
        ("CALBELL_SOUND=two words # and a comment", "two words"),
        ("CALBELL_SOUND=a#b", "a#b"),
        ("CALBELL_SOUND=#b", "#b"),
        ("CALBELL_SOUND=don't", "don't"),
        ("CALBELL_SOUND=$HOME", "$HOME"),
        (r"CALBELL_SOUND='a \n # \"b\" '  # comment", r"a \n # \"b\" "),
        (r'CALBELL_SOUND="a # \"b\" \\ \$c" # comment', r'a # "b" \ $c'),
        ("CALBELL_SOUND=", None),
        ("CALBELL_SOUND= # comment", None),
        ("CALBELL_SOUND=''", None),
        ('CALBELL_SOUND=""', None),
        ("CALBELL_SOUND=one\nCALBELL_SOUND=two", "two"),
        ("\ufeff# a comment\r\n\r\nOTHER.NAME=1\r\nCALBELL_SOUND=bell.wav\r\n", "bell.wav"),
    ],
)
def test_a_line_of_the_env_file_is_read(env_file: Path, line: str, sound: str | None) -> None:
    env_file.write_text(line, "utf-8")
    assert load({}, env_file.parent).sound == sound


@pytest.mark.parametrize(
    "line",
    [
        "CALBELL_SOUND",
        "=hush-hush",
        "CALBELL SOUND=hush-hush",
        "CALBELL_SOUND='hush-hush",
        "CALBELL_SOUND= 'hush-hush",
        'CALBELL_SOUND="hush-hush',
        'CALBELL_SOUND="hush-hush\\"',
        "CALBELL_SOUND='hush'-hush",
        "CALBELL_SOUND='hush-hush'# comment",
        "export",
    ],
)
def test_a_bad_line_is_named_by_file_and_number_and_not_quoted(env_file: Path, line: str) -> None:
    env_file.write_text(f"# first\n\n{line}\n")
    message = refusal({}, env_file.parent)
    assert message.startswith(f"'{env_file}' line 3: must be NAME=value")
    assert "hush" not in message


def test_a_wrong_value_in_the_env_file_is_found_by_its_line(env_file: Path) -> None:
    env_file.write_text("\nCALBELL_PORT=x\n")
    assert refusal({}, env_file.parent).startswith("CALBELL_PORT='x' (.env line 2): must be ")
    env_file.write_text("\n\nCALBELL_PROT=1\n")
    assert "(.env line 3): there is no such setting" in refusal({}, env_file.parent)


def test_the_environment_wins_over_the_env_file(env_file: Path) -> None:
    env_file.write_text("CALBELL_PORT=1\nCALBELL_HOST=::1\nCALBELL_SOUND=bell.wav\n")
    settings = load({"CALBELL_PORT": "2", "CALBELL_SOUND": ""}, env_file.parent)
    assert (settings.port, settings.host, settings.sound) == (2, "::1", None)


def test_the_environment_wins_in_either_form(env_file: Path) -> None:
    (env_file.parent / "port").write_text("2")
    env_file.write_text("CALBELL_PORT=1\nCALBELL_HOST_FILE=missing\n")
    settings = load({"CALBELL_PORT_FILE": "port", "CALBELL_HOST": "::1"}, env_file.parent)
    assert (settings.port, settings.host) == (2, "::1")


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_an_env_file_that_cannot_be_read_is_refused(env_file: Path, content: bytes | None) -> None:
    if content is None:
        env_file.mkdir()
    else:
        env_file.write_bytes(content)
    assert refusal({}, env_file.parent).startswith(f".env: cannot read '{env_file}': ")


@settings(deadline=None)  # reads files
@given(text=st.text(st.characters(codec="utf-8").filter(str.isprintable), min_size=1, max_size=100))
def test_what_is_quoted_in_the_env_file_arrives_unchanged(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    lines = [f'CALBELL_SOUND="{escaped}"']
    if "'" not in text:
        lines.append(f"CALBELL_SOUND='{text}'")
    with TemporaryDirectory() as folder:
        for line in lines:
            (Path(folder) / ".env").write_text(line, "utf-8")
            assert load({}, Path(folder)).sound == text


# NAME_FILE


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_every_variable_can_be_given_as_a_file(name: str, tmp_path: Path) -> None:
    text, expected = EXAMPLES[name]
    (tmp_path / "value").write_text(f"{text}\n", "utf-8")
    needed = NEEDED.get(name, {})
    settings = load({**needed, f"{name}_FILE": str(tmp_path / "value")}, NOWHERE)
    assert value_of(settings, name) == expected


def test_a_file_may_be_named_in_the_env_file_and_from_its_directory(env_file: Path) -> None:
    (env_file.parent / "secret").write_text("0123456789abcdef\r\n")
    env_file.write_text("CALBELL_ADMIN_TOKEN_FILE=secret\nCALBELL_ADMIN_TOKEN=\n")
    assert load({}, env_file.parent).admin_token == Secret("0123456789abcdef")


def test_only_one_newline_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("1\n\n")
    assert r"CALBELL_PORT='1\n' (file 'port'): must" in refusal(
        {"CALBELL_PORT_FILE": "port"}, tmp_path
    )


def test_an_empty_file_is_an_empty_value(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    environ = {"CALBELL_PORT_FILE": "empty", "CALBELL_SOUND_FILE": "empty", "CALBELL_HOST_FILE": ""}
    settings = load(environ, tmp_path)
    assert (settings.port, settings.sound, settings.host) == (8000, None, "127.0.0.1")


def test_a_value_and_a_file_at_once_are_refused(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("1")
    both = {"CALBELL_PORT": "1", "CALBELL_PORT_FILE": "port"}
    assert refusal(both, tmp_path) == (
        "CALBELL_PORT and CALBELL_PORT_FILE are both given: remove one of them"
    )
    assert load(both | {"CALBELL_PORT": ""}, tmp_path).port == 1


@pytest.mark.parametrize("path", ["missing", ".", "not-text", "a\0b"])
def test_a_file_that_cannot_be_read_is_named(path: str, tmp_path: Path) -> None:
    (tmp_path / "not-text").write_bytes(b"\xff")
    message = refusal({"CALBELL_ADMIN_TOKEN_FILE": path}, tmp_path)
    assert message.startswith("CALBELL_ADMIN_TOKEN_FILE (environment): cannot read '")


# Secrets


@given(secret=st.text())
def test_a_secret_shows_itself_only_when_asked(secret: str) -> None:
    shown = Secret(secret)
    assert (str(shown), repr(shown), f"{shown}", f"{[shown]}") == ("***", "***", "***", "[***]")
    assert shown.reveal() == secret


@given(one=st.text(st.characters()), other=st.text(st.characters()))
def test_a_secret_matches_itself_and_nothing_else(one: str, other: str) -> None:
    assert Secret(one).matches(one)
    assert Secret(one).matches(other) == (one == other) == (Secret(one) == Secret(other))
    assert Secret("\udcff") != "\udcff"
    assert len({Secret(one), Secret(other), Secret(one)}) == 1 + (one != other)


@pytest.mark.parametrize("name", SECRETS)
@given(end=st.sampled_from(["\n", " \n", "\x00", ",", ",\n", "ü\n"]), text=st.text(max_size=20))
def test_no_secret_is_in_an_error(name: str, end: str, text: str) -> None:
    hidden = f"hush-hush{text}{end}"
    error = complaint({name: hidden})
    assert "hush" not in str(error)
    assert error is None or error.__suppress_context__ or error.__context__ is None
    assert "hush" not in str(describe({name: hidden}, NOWHERE))


@given(
    start=st.sampled_from(
        ["mysql://", "postgresql:", "postgresql//", "sqlite://", "sqlite:/", "", "\n"]
    ),
    user=st.text(max_size=5),
    separator=st.sampled_from([":", "%3A", " password=", "?password="]),
    end=st.sampled_from(["@host/name", "@@/", "@"]),
)
def test_no_database_password_is_in_an_error(
    start: str, user: str, separator: str, end: str
) -> None:
    url = f"{start}{user}{separator}hush-hush{end}"
    assert "hush" not in str(complaint({"CALBELL_DATABASE_URL": url}))
    assert "hush" not in str(describe({"CALBELL_DATABASE_URL": url}, NOWHERE))


@pytest.mark.parametrize(
    "url", ["https://me:hush@h", "ftp://me:hush@h", "https://me:hu/?sh@h", "https://h?key=hush"]
)
def test_no_password_in_an_address_is_in_an_error(url: str) -> None:
    message = refusal({"CALBELL_EXPO_BASE_URL": url})
    assert "hu" not in message.split("must be")[0].replace("https", "")


def test_settings_show_no_secret() -> None:
    environ = {
        "CALBELL_DATABASE_URL": "postgresql://me:hush@db/calbell",
        "CALBELL_ADMIN_TOKEN": "hush-hush-hush-hush",
        "CALBELL_WEBHOOK_SECRETS": "hush,hush-hush",
    }
    settings = load(environ, NOWHERE)
    assert "hush" not in repr(settings) + str(settings) + str(settings.__rich_repr__())
    assert "port=8000" in repr(settings)
    assert settings.database_url == environ["CALBELL_DATABASE_URL"]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]  # that is the point


# What doctor shows


def test_every_variable_is_described_with_where_it_comes_from(env_file: Path) -> None:
    (env_file.parent / "token").write_text("hush")
    env_file.write_text("CALBELL_PORT=9000\n")
    environ = {"CALBELL_SOUND": "", "CALBELL_LOG_LEVEL": "x", "CALBELL_ADMIN_TOKEN_FILE": "token"}
    described = describe(environ, env_file.parent)
    assert list(described) == list(VARIABLES)
    assert described["CALBELL_PORT"] == ("'9000'", ".env line 1")
    assert described["CALBELL_SOUND"] == ("none", "environment")
    assert described["CALBELL_LOG_LEVEL"] == ("'x'", "environment")
    assert described["CALBELL_ADMIN_TOKEN"] == ("***", "file 'token'")
    assert described["CALBELL_HOST"] == ("'127.0.0.1'", "default")
    assert described["CALBELL_SPOOL_DIR"] == ("none", "default")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"CALBELL_AUTH": "calcom"}, "needs CALBELL_PUBLIC_URL"),
        ({"CALBELL_PUBLIC_URL": "https://push.example.com"}, "needs calcom in CALBELL_AUTH"),
    ],
)
def test_webhooks_of_users_need_an_address_and_their_tokens(
    environ: dict[str, str], said: str
) -> None:
    assert said in refusal({"CALBELL_AUTO_CONNECT": "user", **environ})
