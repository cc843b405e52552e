"""Languages: the texts in every language but English, from the gettext catalogues of the package.

`locales/de/LC_MESSAGES/calbell.po`, beside the English texts: read as they are, so that no compiled
file can be older than what people edit. Each message has the id of its text as its context.
"""

from collections.abc import Mapping
from functools import cache, partial
from gettext import c2py
from importlib.resources import files
from io import BytesIO

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from calbell.domain.wording.english import Text
from calbell.domain.wording.texts import Languages

CATALOGUES = files("calbell.domain.wording") / "locales"

_CATEGORIES = ("zero", "one", "two", "few", "many", "other")

_MANY_NUMBERS = (*range(104), 1_000_000)
"""Every category of whole numbers that CLDR has for any language is that of one of these."""


def read_languages() -> Languages:
    """All texts of each language that there is a catalogue of. The files are read now; what they
    say is understood when the first reader of a language comes, because most services have few."""
    return {
        folder.name: cache(partial(_texts, folder.name, _raw(folder.name)))
        for folder in CATALOGUES.iterdir()
        if folder.is_dir()
    }


def read_catalogue(language: str) -> Catalog:
    """The catalogue of the language as it stands."""
    return _catalogue(language, _raw(language))


def texts_in(catalogue: Catalog) -> dict[str, Text]:
    """The texts by their ids, those with plural forms by the categories of CLDR."""
    forms = forms_by_category(catalogue)
    texts = dict[str, Text]()
    for message in catalogue:
        id_, said = message.context, message.string
        if not (message.id and id_ and said):
            continue
        if isinstance(said, str):
            texts[id_] = said
        else:
            texts[id_] = {category: said[form] for category, form in forms.items()}
    return texts


def forms_by_category(catalogue: Catalog) -> Mapping[str, int]:
    """Which of a catalogue's plural forms, as gettext counts them, is that of each of CLDR's
    categories."""
    form, category = c2py(catalogue.plural_expr), Locale.parse(str(catalogue.locale)).plural_form
    found = {category(number): form(number) for number in _MANY_NUMBERS}
    found.setdefault("other", catalogue.num_plurals - 1)
    return {name: found[name] for name in _CATEGORIES if name in found}


def _texts(language: str, raw: bytes) -> dict[str, Text]:
    return texts_in(_catalogue(language, raw))


def _catalogue(language: str, raw: bytes) -> Catalog:
    return read_po(BytesIO(raw), locale=language, ignore_obsolete=True, abort_invalid=True)


def _raw(language: str) -> bytes:
    return (CATALOGUES / language / "LC_MESSAGES" / "calbell.po").read_bytes()
