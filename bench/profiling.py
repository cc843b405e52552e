"""Profiling: one measurement with the service under a profiler, and where its CPU time went."""

import marshal
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from bench import drain, throughput
from bench.profiled import LOOP, OTHERS
from bench.stage import Stage

PROFILED = {
    "registrations": throughput.registrations,
    "webhooks": throughput.webhooks,
    "drain": drain.drain,
}
"""What can be profiled."""


def report(name: str, stage: Stage, top: int) -> str:
    """The functions that cost most, by thread, for one of what was measured."""
    number = {
        "registrations": stage.size.registrations,
        "webhooks": stage.size.webhooks,
        "drain": stage.size.deliveries,
    }[name]
    with TemporaryDirectory(prefix="profile-", dir=stage.folder) as made:
        folder = Path(made)
        PROFILED[name](msgspec.structs.replace(stage, profile_to=folder))
        parts = [
            _section(title, folder / file, number, top)
            for title, file in (("event loop", LOOP), ("database and other threads", OTHERS))
            if (folder / file).exists()
        ]
    return "\n".join((f"# {name} on {stage.engine}, {number} of them", "", *parts))


def _section(title: str, file: Path, number: int, top: int) -> str:
    found = _entries(file)
    by_itself = sorted(found, key=lambda entry: -entry[1])[:top]
    with_callees = sorted(found, key=lambda entry: -entry[2])[:top]
    rows = [
        f"| {1e6 * own / number:.1f} | {1e6 * whole / number:.1f} | {calls / number:.2f} "
        f"| `{name}` |"
        for name, own, whole, calls in dict.fromkeys([*by_itself, *with_callees])
    ]
    return "\n".join(
        (
            f"## {title}: {1e6 * sum(entry[1] for entry in found) / number:.0f} µs for one",
            "",
            "| µs itself | µs with callees | calls for one | function |",
            "| ---: | ---: | ---: | --- |",
            *rows,
            "",
        )
    )


def _entries(file: Path) -> list[tuple[str, float, float, int]]:
    """Name, seconds by itself, seconds with callees, and calls of each function."""
    with file.open("rb") as opened:
        raw: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = marshal.load(
            opened
        )
    return [(_name(*key), own, whole, calls) for key, (_, calls, own, whole, _) in raw.items()]


def _name(path: str, line: int, function: str) -> str:
    if path == "~":
        return function
    parts = Path(path).with_suffix("").parts
    return f"{'.'.join(parts[-2:])}:{line} {function}"
