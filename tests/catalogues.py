"""The catalogues of the other languages: `python -m tests.catalogues` brings each up to date with
the English texts and says what is wrong with it; `python -m tests.catalogues it` begins another."""

import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.plurals import get_plural
from babel.messages.pofile import write_po

from calbell.config.languages import CATALOGUES, forms_by_category, read_catalogue
from calbell.domain.wording.english import ENGLISH, FOR_ATTENDEE, Text
from calbell.domain.wording.own_texts import WrongText, check

LOCALES = Path(str(CATALOGUES))
LANGUAGES = sorted(path.name for path in LOCALES.iterdir()) if LOCALES.is_dir() else []

LONGEST_TITLE, LONGEST_SEAT, LONGEST_LINE = 32, 8, 60
"""Characters of a title, of what says besides that it is about a seat, and of another line without
what is filled in. Phones cut titles at about 40; bodies go on in the next line."""

_HEADER = """\
# {language}: what a push says. Read docs/how-to/add-a-language.md first.
msgid ""
msgstr ""
"Project-Id-Version: calbell\\n"
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural}\\n"

"""

_NOTES = {
    "lines.untitled": "A booking without a title.",
    "lines.two_people": "Follows what is around {people} and {added} elsewhere, in its case.",
    "lines.more_people": "Follows what is around {people} and {added} elsewhere, in its case.",
    "lines.seat_title": "A title of news about one seat. {title}: Booking Confirmed.",
    "lines.was": "{old}: a time or a place.",
    "lines.instead_of": "{old}: the time that stays if the proposal is not taken.",
    "lines.series": "{when}: of the first booking.",
    "lines.reassigned": "{old}, {new}: people.",
    "lines.organized_by": "{organizer}: one person, man or woman.",
    "booking_confirmed.title": "To all who take part, whether they asked for it or were asked.",
    "booking_reschedule_requested.title": "The host asks the attendee to move the booking.",
    "booking_attendee_added.first_line": "{added}: one or several people. {booking}: a title, or "
    "a title with people.",
    "booking_guests_added.first_line": "{added}: one or several people.",
    "cal_event_new_registration.first_line": "{people}: one or several people.",
    "cal_event_pending_registration.first_line": "{people}: one or several people.",
}
"""What a translator cannot see in the English."""

_TYPOGRAPHY = {
    "fr": (
        re.compile(r"(?<!\N{NO-BREAK SPACE})[:;?!»]|«(?!\N{NO-BREAK SPACE})|'"),
        "French has a no-break space before : ; ? ! and inside of « », and no straight apostrophe",
    ),
    "de": (re.compile(r"[\"'”]"), "German quotes open low and close high"),
    "es": (re.compile(r"[\"']"), "quotes are not straight"),
}

_WHOLE = re.compile(r"""[\w»“”"')}]$""")


def up_to_date(old: Catalog) -> Catalog:
    """The same translations for the English texts of today: those of another English are marked as
    fuzzy, those of no English are gone."""
    new = Catalog(old.locale, fuzzy=False)
    kept = {message.context: message for message in old if message.id}
    for id_, text in ENGLISH.items():
        english = _english(text)
        before, string = kept.get(id_), _nothing(english, new.num_plurals)
        is_other = before is not None and before.id != english
        if before is not None and isinstance(before.id, str) == isinstance(english, str):
            string = before.string or string
        new.add(
            english,
            string,
            context=id_,
            flags={"fuzzy"} if before is not None and (is_other or before.fuzzy) else set(),
            previous_id=before.id if before is not None and is_other else (),
            user_comments=before.user_comments if before is not None else [],
            auto_comments=[_NOTES[id_]] if id_ in _NOTES else [],
        )
    return new


def written(catalogue: Catalog) -> str:
    """The file of the catalogue: the same for the same texts, whoever writes it."""
    body = BytesIO()
    write_po(body, catalogue, width=0, omit_header=True, include_previous=True)
    language = str(catalogue.locale)
    header = _HEADER.format(language=language, plural=catalogue.plural_forms)
    return header + body.getvalue().decode().strip() + "\n"


def faults(catalogue: Catalog) -> list[str]:
    """What is wrong with it, a line each, with the id of the text; nothing where it can be used."""
    return list(_faults(catalogue))


def _faults(catalogue: Catalog) -> Iterator[str]:
    language = str(catalogue.locale)
    plural = get_plural(language)
    if (catalogue.num_plurals, catalogue.plural_expr) != (plural.num_plurals, plural.plural_expr):
        yield f"Plural-Forms: must be: {plural.plural_forms}"
        return
    messages = {message.context or "": message for message in catalogue if message.id}
    yield from (f"{id_}: is missing" for id_ in ENGLISH if id_ not in messages)
    for id_, message in messages.items():
        if id_ not in ENGLISH:
            yield f"{id_}: there is no such text in English"
        elif message.id != _english(ENGLISH[id_]):
            yield f"{id_}: is of another English text"
        elif message.fuzzy:
            yield f"{id_}: is fuzzy: read it again, then take the mark away"
        else:
            yield from _faults_of(id_, message, catalogue, language)


def _faults_of(id_: str, message: Message, catalogue: Catalog, language: str) -> Iterator[str]:
    english, said = ENGLISH[id_], message.string or ""
    strings = [said] if isinstance(said, str) else [*said]
    if not all(strings):
        yield f"{id_}: is not translated"
        return
    if isinstance(english, str):
        text: Text = strings[0]
    elif len(strings) != catalogue.num_plurals:
        yield f"{id_}: has {len(strings)} plural forms; there are {catalogue.num_plurals}"
        return
    else:
        text = {name: strings[form] for name, form in forms_by_category(catalogue).items()}
    try:
        check(id_, text, language)
    except WrongText as error:
        yield str(error)
        return
    needed = _places(_english(english))
    for string in strings:
        # "One booking" may do without its number.
        free = {"count"} if len(strings) > 1 else set[str]()
        yield from (
            f"{id_}: leaves out {{{place}}}" for place in sorted(needed - _places(string) - free)
        )
        yield from _ugly(id_, string, language)


def _ugly(id_: str, text: str, language: str) -> Iterator[str]:
    length = len("".join(literal for literal, *_ in Formatter().parse(text)))
    longest = {"title": LONGEST_TITLE, "seat_title": LONGEST_SEAT}.get(
        id_.partition(".")[2].removesuffix(FOR_ATTENDEE), LONGEST_LINE
    )
    if length > longest:
        yield f"{id_}: is {length} characters long; {longest} can be seen"
    if not _WHOLE.search(text):
        yield f"{id_}: ends in {text[-1]}; a line of a lock screen has no full stop"
    wrong, right = _TYPOGRAPHY.get(language, (None, ""))
    if wrong is not None and wrong.search(text):
        yield f"{id_}: {right}"


def _english(text: Text) -> str | tuple[str, str]:
    return text if isinstance(text, str) else (text["one"], text["other"])


def _nothing(english: str | tuple[str, str], plurals: int) -> str | tuple[str, ...] | list[str]:
    return "" if isinstance(english, str) else ("",) * plurals


def _places(text: str | tuple[str, str]) -> set[str]:
    forms = [text] if isinstance(text, str) else text
    return {place for form in forms for _, place, *_ in Formatter().parse(form) if place}


def main(languages: list[str]) -> int:
    """Writes the catalogues of these languages, or of all, and says what is wrong with them; a new
    one is only to be filled."""
    found = 0
    for language in languages or LANGUAGES:
        file = LOCALES / language / "LC_MESSAGES" / "calbell.po"
        is_new = not file.exists()
        new = up_to_date(Catalog(language) if is_new else read_catalogue(language))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(written(new), "utf-8")
        if is_new:
            sys.stdout.write(f"{language}: made, to be translated: {file}\n")
            continue
        for fault in faults(new):
            found += 1
            sys.stdout.write(f"{language}: {fault}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
