"""The page of proof: what was lived, killed and asked, and what came of it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add

from tests.proof.runs import Forgotten, Found, Fuzzed, Killed, Lived, Run
from tests.universe.lives import Totals

_HEAD = """\
# Proof

<!-- Made by `python -m tests.proof` of tests/proof/runs.jsonl; RECORD=1 adds a run to it. -->

What is answered with 2xx reaches every phone it should reach, or ends in a state that says why
not; once on the screen, whatever crashes on the way. [Guarantees](guarantees.md) says it in full.
This page says what was done to break that, and what came of it. A run that broke a promise stays
in the tables, with its seeds.

"""

_UNIVERSE = """\
## Lives in virtual time

The whole service runs in one process with its database, several workers, a simulated Expo, people
and their phones, by a clock that is only turned on. A seed decides all that happens: bookings,
reinstalled apps, operators' mistakes, every fault that Expo's simulator knows, crashes at any
await and any commit, clocks that jump. After every step everything is checked that must always
hold. A life that breaks a promise is lived again, step by step the same, with its seed. *Lost* is
what should have reached a phone and did not, without a state that says why; *doubled* is what
Expo was handed more than once, because nobody could know whether it had it: always under one key,
so that a screen shows it once, and always marked.

"""

_CRASH = """\
## `kill -9` on the real program

Real processes, SQLite or PostgreSQL, an Expo that takes its time; a killer strikes at random and
at named points (after the claim, after the request, before a commit). In the end the ledger of
what was accepted is compared with what stands on each phone's screen.

"""

_FUZZ = """\
## Requests beyond sense

Every route is asked with bodies, headers, paths, signatures and cookies that hypothesis makes. No
answer may be a 5xx or a traceback, hold a secret, or change anything when it refuses.

"""

_RETENTION = """\
## Ten times, a hundred times what is kept

Bookings end within the hour and are forgotten an hour later, while others come: the database must
not grow with what went through it, and forgetting must not hold up what comes in.

"""

_FOUND = """\
## What it found

Defects that these runs met, each mended, with a test of its own. A seed is that of the universe
of its day: each change of it makes other worlds.

"""

_FAULTS = {
    "F01": "429, with and without Retry-After",
    "F02": "500, before or after Expo had queued",
    "F03": "502 in HTML",
    "F04": "503 in plain text",
    "F05": "504 although Expo had queued",
    "F06": "queued, and never an answer",
    "F07": "no connection",
    "F08": "cut off after the request was read",
    "F09": "truncated JSON",
    "F10": "slow: late or dripping answers",
    "F11": "200 with HTML, nothing, or null",
    "F12": "too few, too many or swapped tickets",
    "F13": "some tickets are errors",
    "F14": "data and errors in one answer",
    "F15": "receipts late or never",
    "F16": "DeviceNotRegistered long after",
    "F17": "receipts refused or malformed",
    "F19 reigns": "a wave of DeviceNotRegistered",
    "F20": "delivered late or out of order",
    "F21": "unknown codes and fields",
    "F22": "the access token turns invalid",
    "F22 reigns": "the access token stays invalid for hours",
    "F23": "redirects, connections closed",
    "F24": "bursts beyond the rate, clocks apart",
    "commit dies after": "dies just after a commit",
    "commit dies before": "dies just before a commit",
    "commit fails after": "a commit is reported as failed, and was made",
    "commit fails before": "a commit fails",
    "commit hangs": "a commit hangs",
    "database away": "no database for a while",
    "Expo away": "no Expo for hours",
    "clock back": "the clock is set back",
    "clock forward": "the clock is set forward",
    "deploy": "a new version is started",
    "late answer": "an answer comes after its lease",
    "wake-up lost": "a wake-up between processes is lost",
    "credentials missing": "push credentials missing",
    "credentials revoked": "push credentials revoked",
    "credentials mismatch": "push credentials of another app",
    "wrong access token": "a wrong Expo access token",
    "push security": "Expo demands an access token",
    "secret changed": "a webhook secret is changed",
    "webhook refused": "a webhook with a wrong signature",
    "spooled": "a webhook waits in a file",
    "rush": "many bookings at once",
    "user removed": "a user is removed",
    "phone sold": "a phone changes hands",
    "phone reinstalled": "an app is installed anew",
}


def page(runs: Sequence[Run]) -> str:
    """The page, in Markdown."""
    lived = [run for run in runs if isinstance(run, Lived)]
    killed = [run for run in runs if isinstance(run, Killed)]
    fuzzed = [run for run in runs if isinstance(run, Fuzzed)]
    found = [run for run in runs if isinstance(run, Found)]
    totals: Totals = reduce(add, (run.totals for run in lived), Totals())
    return "".join(
        (
            _HEAD,
            _in_short(totals, lived, killed, fuzzed),
            _UNIVERSE,
            _lives(lived),
            _faults(totals),
            _CRASH,
            _kills(killed),
            _FUZZ,
            _requests(fuzzed),
            _RETENTION,
            _forgotten([run for run in runs if isinstance(run, Forgotten)]),
            _what_was_found(found),
        )
    )


def _in_short(
    totals: Totals, lived: Sequence[Lived], killed: Sequence[Killed], fuzzed: Sequence[Fuzzed]
) -> str:
    broken_lives = sum(len(run.broken) for run in lived)
    kills = sum(_number(run, "kills") for run in killed)
    events = sum(_number(run, "events accepted") for run in killed)
    lost = sum(_number(run, "lost") for run in killed)
    twice = sum(_number(run, "on a screen twice") for run in killed)
    doubled = sum(_number(run, "  more than once") for run in killed)
    return _table(
        ("how it was tried", "so much", "promises broken", "handed to Expo twice, marked"),
        "lrrr",
        [
            (
                f"lives in virtual time: {sum(run.lives for run in lived):,}",
                f"{totals.years:,.0f} simulated years, {totals.events:,} events, "
                f"{totals.faults:,} faults, {totals.deaths:,} deaths",
                f"{broken_lives} lives",
                f"{totals.doubled:,} of {totals.hand_overs:,}",
            ),
            (
                "`kill -9` on real processes",
                f"{kills:,} kills, {events:,} events",
                f"{lost} lost, {twice} twice on a screen",
                f"{doubled:,} of {sum(_number(run, 'handed to Expo') for run in killed):,}",
            ),
            (
                "requests beyond sense",
                f"{sum(run.requests for run in fuzzed):,} requests",
                f"{sum(run.broken for run in fuzzed)}",
                "",
            ),
        ],
    )


def _lives(lived: Sequence[Lived]) -> str:
    rows = [
        (
            run.where.on,
            f"`{run.where.revision}`",
            f"`{run.where.command}`",
            f"{run.lives:,}",
            f"{run.totals.years:,.1f}",
            f"{run.totals.events:,}",
            f"{run.totals.faults:,}",
            f"{run.totals.deaths:,}",
            f"{run.totals.hand_overs:,}",
            f"{run.totals.doubled:,}",
            ", ".join(map(str, run.broken)) or "none",
        )
        for run in lived
    ]
    return _table(
        (
            *("day", "revision", "again", "lives", "years", "events", "faults", "deaths"),
            *("handed to Expo", "doubled", "broken seeds"),
        ),
        "lllrrrrrrrr",
        rows,
    )


def _faults(totals: Totals) -> str:
    rows = [
        (meaning, f"{totals.kinds[kind]:,}")
        for kind, meaning in _FAULTS.items()
        if kind in totals.kinds
    ]
    return "What happened in these lives, among other things:\n\n" + _table(
        ("what", "so often"), "lr", rows
    )


def _kills(killed: Sequence[Killed]) -> str:
    labels = list(dict.fromkeys(label for run in killed for label in run.rows))
    rows = [
        (label.replace("  ", "&emsp;"), *(run.rows.get(label, "-") for run in killed))
        for label in labels
    ]
    heads = (f"{run.engine}, {run.where.on}, `{run.where.revision}`" for run in killed)
    again = dict.fromkeys(f"`{run.where.command}`" for run in killed)
    return _table(("", *heads), "l" + "r" * len(killed), rows) + f"Again: {', '.join(again)}.\n\n"


def _requests(fuzzed: Sequence[Fuzzed]) -> str:
    statuses: Counter[str] = sum((Counter(run.statuses) for run in fuzzed), Counter[str]())
    return _table(
        ("day", "revision", "again", "requests", "broken rounds"),
        "lllrr",
        [
            (
                run.where.on,
                f"`{run.where.revision}`",
                f"`{run.where.command}`",
                f"{run.requests:,}",
                str(run.broken),
            )
            for run in fuzzed
        ],
    ) + _table(
        ("answered", *sorted(statuses)),
        "l" + "r" * len(statuses),
        [("so often", *(f"{statuses[status]:,}" for status in sorted(statuses)))],
    )


def _forgotten(runs: Sequence[Forgotten]) -> str:
    heads = ("day", "revision", "again", "engine", "deliveries", "a second", "database", "its log")
    return _table(
        (*heads, "longest step of pruning", "longest wait of a list of events"),
        "llllrrrrrr",
        [
            (
                run.where.on,
                f"`{run.where.revision}`",
                f"`{run.where.command}`",
                run.engine,
                f"{run.deliveries:,}",
                f"{run.deliveries / run.seconds:,.0f}",
                f"{min(run.megabytes):,.0f}–{max(run.megabytes):,.0f} MB",
                f"at most {run.log:,.0f} MB" if run.log else "",
                f"{run.step:,.0f} ms, {run.step_cpu:,.0f} of CPU",
                f"{run.stall:,.0f} ms",
            )
            for run in runs
        ],
    )


def _what_was_found(found: Sequence[Found]) -> str:
    return (
        _FOUND
        + _table(
            ("day", "by", "what was wrong"), "lll", [(run.on, run.by, run.what) for run in found]
        )
    ).rstrip("\n") + "\n"


def _number(run: Killed, label: str) -> int:
    return int(run.rows[label])


def _table(heads: Sequence[str], sides: str, rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---:" if side == "r" else "---" for side in sides], *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines) + "\n"
