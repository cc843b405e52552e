"""Scale: what a deployment needs, on paper. `python -m bench.scale --users 1000000`

Reckoned by bench/scaling.py from the unit costs in bench/unit_costs.py. With `--page` the tables of
a page are made anew: each stands between a comment with its arguments and one that ends it.
"""

import argparse
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bench import scaling
from bench.figures import Engine
from bench.scaling import Deployment, Hardware, Limit

BLOCK = re.compile(r"(<!-- python -m bench\.scale (.*?) -->\n).*?(<!-- end -->)", re.DOTALL)

_Row = tuple[str, Callable[[Deployment], str]]


def tables(arguments: Sequence[str]) -> str:
    """What the command prints for these arguments, in Markdown."""
    options = _parser().parse_args(arguments)
    of_users = [
        msgspec.structs.replace(
            Deployment(users=1),
            users=users,
            **{name: value for name in _CHOICES if (value := getattr(options, name)) is not None},
        )
        for users in options.users
    ]
    made = [_assumed(of_users[0])] if options.assumed else []
    if options.limits:
        made.append(_limits(scaling.limits(of_users[-1], Hardware())))
    if not (options.assumed or options.limits):
        made.append(_needed(of_users))
    return "\n".join(made)


def renewed(page: str) -> str:
    """The page with its tables as they are now."""
    return BLOCK.sub(lambda block: f"{block[1]}{tables(shlex.split(block[2]))}{block[3]}", page)


def _needed(deployments: Sequence[Deployment]) -> str:
    head = ["what", *(f"{deployment.users:,} users" for deployment in deployments)]
    lines = [_line(head), _line(["---", *("---:" for _ in deployments)])]
    for words, of in _ROWS:
        lines.append(_line([words, *(of(deployment) for deployment in deployments)]))
    return "".join(f"{line}\n" for line in lines)


def _limits(found: Sequence[Limit]) -> str:
    lines = [
        _line(("what ends", "used", "there is", "reached at")),
        _line(("---", "---:", "---:", "---:")),
        *(
            _line(
                (
                    limit.words,
                    _number(limit.used),
                    _number(limit.available),
                    f"{_rounded(limit.users)} users",
                )
            )
            for limit in found
        ),
    ]
    return "".join(f"{line}\n" for line in lines)


def _assumed(deployment: Deployment) -> str:
    lines = [_line(("assumed", "option", "default")), _line(("---", "---", "---:"))]
    for name, words in _CHOICES.items():
        option = f"`--{name.replace('_', '-')}`"
        lines.append(_line((words, option, f"{getattr(deployment, name):,g}")))
    return "".join(f"{line}\n" for line in lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    if value >= 10:
        return f"{value:,.0f}"
    if value >= 0.01:
        return f"{value:.2g}"
    return "< 0.01"


def _rounded(value: float) -> str:
    """Two digits are more than is known."""
    digits = len(f"{value:.0f}") - 2
    return f"{round(value, -digits):,.0f}"


def _bytes(value: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if value >= size:
            return f"{_number(value / size)} {unit}"
    return f"{_number(value / 1e6)} MB"


def _span(seconds: float) -> str:
    if seconds >= 3600:
        return f"{_number(seconds / 3600)} h"
    return f"{_number(seconds / 60)} min" if seconds >= 60 else f"{_number(seconds)} s"


_ROWS: Sequence[_Row] = (
    ("webhooks a day", lambda d: f"{scaling.daily(d).webhooks:,.0f}"),
    ("registrations a day", lambda d: f"{scaling.daily(d).registrations:,.0f}"),
    ("deliveries a day", lambda d: f"{scaling.daily(d).deliveries:,.0f}"),
    ("**mean**: webhooks /s", lambda d: _number(scaling.mean(d).webhooks)),
    ("deliveries /s", lambda d: _number(scaling.mean(d).deliveries)),
    ("PostgreSQL, cores", lambda d: _number(scaling.mean(d).server(in_lists=False))),
    ("PostgreSQL's log a day", lambda d: _bytes(scaling.DAY * scaling.mean(d).log())),
    ("**busiest minute**: webhooks /s", lambda d: _number(scaling.peak(d).webhooks)),
    ("registrations /s", lambda d: _number(scaling.peak(d).registrations)),
    ("deliveries leave, /s", lambda d: _number(scaling.peak(d).deliveries)),
    ("processes that answer", lambda d: str(scaling.processes(scaling.peak(d).serving()))),
    ("workers", lambda d: str(scaling.processes(scaling.peak(d).delivering()))),
    (
        "PostgreSQL, cores, intake alone",
        lambda d: _number(scaling.peak(d).server(in_lists=False)),
    ),
    (
        "PostgreSQL, cores, intake in lists",
        lambda d: _number(scaling.peak(d).server(in_lists=True)),
    ),
    ("commits /s", lambda d: _number(scaling.peak(d).commits())),
    ("disk writes /s, at most", lambda d: _number(scaling.peak(d).writes())),
    (
        "**busiest start**: deliveries due at once",
        lambda d: f"{scaling.reminded_at_once(d):,.0f}",
    ),
    ("the last has left after", lambda d: _span(scaling.leaves_within(d))),
    ("news meanwhile, /s", lambda d: _number(scaling.news(d))),
    ("of it leaves at once, /s", lambda d: _number(scaling.news_at_once(d))),
    ("**disk**: PostgreSQL", lambda d: _bytes(scaling.size(d, Engine.POSTGRESQL))),
    ("SQLite", lambda d: _bytes(scaling.size(d, Engine.SQLITE))),
)

_CHOICES = {
    "devices": "devices of a user",
    "bookings": "bookings of a user and day",
    "told": "users told of a booking: organizer, hosts, guests with an account",
    "changes": "further webhooks of a booking: moved, cancelled",
    "reminders": "reminders of each user who is told",
    "registrations": "registrations of a device and day: the app registers at each start",
    "busiest_minute": "share of a day's bookings and registrations in the busiest minute",
    "busiest_start": "share of a day's meetings that begin at the busiest moment",
    "body": "bytes of a webhook's body, which is kept",
    "lead_days": "days from when a booking is made until it is over",
    "retention_days": "days that it is kept after that",
    "projects": "Expo projects: apps",
    "rate": "notifications a second that Expo takes of a project",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=[1_000_000], help="a column each")
    parser.add_argument("--limits", action="store_true", help="what ends first, and where")
    parser.add_argument("--assumed", action="store_true", help="what is assumed")
    parser.add_argument("--page", type=Path, help="make the tables of this page anew")
    for name, words in _CHOICES.items():
        kind = int if name in {"body", "projects"} else float
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=words)
    return parser


def main(arguments: Sequence[str]) -> int:
    """Print the tables, or write them into the page."""
    page = _parser().parse_args(arguments).page
    if page is None:
        sys.stdout.write(tables(arguments))
    else:
        page.write_text(renewed(page.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
