"""`calbell replay`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number
from msgspec import structs
from rich.table import Table

from calbell.api import plain_events
from calbell.calcom.json_fields import Fields
from calbell.cli.bar import Bar
from calbell.cli.context import read_only, settings
from calbell.cli.failures import Misuse
from calbell.cli.output import out, show
from calbell.cli.spans import BEGINNING, Span
from calbell.domain.comparison import Side, Sort
from calbell.domain.events import BookingEvent
from calbell.flows import words
from calbell.flows.clocks import system_clock
from calbell.flows.retell import Counts, Found, Retell
from calbell.store import history

Switch = Annotated[bool, Parameter(negative=())]
Limit = Annotated[int, Parameter(validator=Number(gte=0, lte=1_000_000))]

SORTS: Final = {
    Sort.NEW: "would be new",
    Sort.GONE: "would not be said any more",
    Sort.OTHER_WORDS: "would say something else",
    Sort.READABLE: "can be understood now",
    Sort.UNREADABLE: "cannot be understood any more",
}


def replay(
    *,
    diff: Switch = False,
    since: Span = timedelta(days=7),
    limit: Limit = 20,
    texts: Switch = False,
    json: Switch = False,
) -> int:
    """Compare what this version, with these texts and settings, would say of stored events with
    what was said of them. Nothing is sent and nothing is changed.

    To be read before an upgrade, with the new version, also while the old one serves. It exits with
    0 if there is no difference, and with 1 if there is any.

    News and reminders are compared by whom they are for, of what kind they are, when a reminder is
    due, and what they say. Of words that were sent a hash is kept: other words are noticed, but
    what they were is not known. No difference is what hangs on the moment: which phones there
    were, quiet hours, what came too late, what a later change ended. Users who changed since
    (choices, addresses, language, time zone) and bookings of which not every event is kept (from an
    import, or after a user was removed) are left out, and counted. Links, sounds and channels are
    not compared.

    Parameters
    ----------
    diff
        Required: there is nothing else that it does. To take events in again, use `calbell events
        replay`.
    since
        How far back: 90s, 30m, 12h, 7d.
    limit
        Show at most so many differences of each sort.
    texts
        Show what would be said, too. It names people.
    json
        For programs: one JSON object a line, for each difference, without a limit, and at last
        `{"summary": …}`.
    """
    if not diff:
        raise Misuse(
            "calbell replay only compares, with --diff; to take stored events in again, use "
            "calbell events replay"
        )
    from calbell.choices import app_of, policy_of

    found, until = settings(), system_clock()
    policy, voice = policy_of(found), app_of(found).voice
    with read_only(found, history.READ_SINCE) as connection, Bar.shown() as bar:
        retell = Retell(
            connection,
            policy,
            voice,
            _read_plain,
            since=until - min(since, BEGINNING),
            until=until,
        )
        differences = retell.differences(bar.counting("events"))
        if json:
            for one in differences:
                out(msgspec.json.encode(one if texts else _without_words(one)).decode())
        kept = _first_of_each(differences, limit)
    counts = retell.counts
    if json:
        out(msgspec.json.encode({"summary": counts}).decode())
    else:
        _show(counts, kept, texts=texts)
    return 1 if any(counts.differences.values()) else 0


def _read_plain(said: Fields, key: str, at: datetime) -> BookingEvent | None:
    event = plain_events.read(said, key, at)
    return event if isinstance(event, BookingEvent) else None


def _first_of_each(differences: Iterable[Found], limit: int) -> dict[Sort, list[Found]]:
    kept: dict[Sort, list[Found]] = {sort: [] for sort in Sort}
    for one in differences:
        if len(kept[one.sort]) < limit:
            kept[one.sort].append(one)
    return kept


def _without_words(one: Found) -> Found:
    return structs.replace(one, words=None)


def _show(counts: Counts, kept: Mapping[Sort, Sequence[Found]], *, texts: bool) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for label, number in _rows(counts):
        table.add_row(label, f"{number:,}")
    show(table)
    for sort, found in kept.items():
        number = counts.differences[sort]
        if not number:
            continue
        out("")
        out(f"{SORTS[sort]}: {number:,}")
        for one in found:
            out(f"    {_line(one)}")
            if texts and one.words is not None:
                for line in (one.words.title, *one.words.body.split("\n")):
                    out(f"        {line}")
        if number > len(found):
            out(f"    and {number - len(found):,} more")


def _rows(counts: Counts) -> Iterator[tuple[str, int]]:
    yield "events read", counts.events
    yield "notifications the same", counts.same
    for sort, label in SORTS.items():
        yield label, counts.differences[sort]
    if counts.uncertain:
        yield "not compared: of users who changed since", counts.uncertain
    if counts.unknown:
        yield "not compared: events of bookings not kept whole", counts.unknown


def _line(one: Found) -> str:
    what = " ".join(filter(None, (one.event_id, one.trigger)))
    said = [what or "no event", f"booking {one.uid}" if one.uid else ""]
    if one.user_id is not None:
        change = f"user {one.user_id}: {_side(one.was)} -> {_side(one.would)}"
        if one.sort is Sort.OTHER_WORDS:
            change += f" ({', '.join(one.details) or 'texts or rules'})"
        said.append(change)
    return ", ".join(filter(None, said))


def _side(side: Side | None) -> str:
    if side is None:
        return "nothing"
    due = "" if side.due_at is None else f" at {words.utc(side.due_at)}"
    against = "" if side.against is None else f" not said: {words.explained(side.against)}"
    return f"{side.kind}{due}{against}"
