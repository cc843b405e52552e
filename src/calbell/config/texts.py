"""Texts: an operator's own, from the files of a directory, checked.

One file a language, `en.toml`, or a language and territory, `en-GB.toml`: a table for each event
and one for `lines`, in it `key = "text"`, or `key = { one = "…", other = "…" }` where a text has
plural forms.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from calbell.config.variables import ConfigError
from calbell.domain.wording.english import Text
from calbell.domain.wording.own_texts import WrongText
from calbell.domain.wording.texts import Languages, locale_named, texts_of

_VARIABLE = "CALBELL_TEXTS_DIR"


def read_texts(directory: Path, languages: Languages) -> dict[str, dict[str, Text]]:
    """The texts by locale and id, for English and these languages; else a ConfigError that names
    the file and the text."""
    try:
        files = sorted(path for path in directory.iterdir() if path.suffix == ".toml")
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise ConfigError(f"{_VARIABLE}: cannot read {str(directory)!r}: {reason}") from None
    if not files:
        raise ConfigError(f"{_VARIABLE}: there is no .toml file in {str(directory)!r}")
    found: dict[str, dict[str, Text]] = {}
    for path in files:
        locale = locale_named(path.stem, languages)
        if locale is None:
            there_are = ", ".join(sorted({"en", *languages}))
            raise _wrong(
                path,
                f"there are no texts in this language, only in {there_are}; "
                "call it en.toml or en-GB.toml",
            )
        if locale in found:
            raise _wrong(path, f"there is another file for {locale}; remove one of them")
        found[locale] = _checked(path, locale)
    return found


def _checked(path: Path, locale: str) -> dict[str, Text]:
    try:
        tables = tomllib.loads(path.read_text("utf-8-sig"))
        texts = dict(_texts(tables))
        texts_of({locale: texts})
    except OSError as error:
        raise _wrong(path, error.strerror or "it cannot be opened") from None
    except UnicodeDecodeError:
        raise _wrong(path, "it is not UTF-8 text") from None
    except (tomllib.TOMLDecodeError, WrongText) as error:
        raise _wrong(path, str(error)) from None
    return texts


def _texts(tables: Mapping[str, object]) -> Iterator[tuple[str, Text]]:
    for section, table in tables.items():
        if not isinstance(table, dict):
            raise WrongText(f"{section}: must stand in a table: [lines], [booking_confirmed]")
        for key, text in table.items():
            id_ = f"{section}.{key}"
            forms = text.values() if isinstance(text, dict) else [text]
            if not all(isinstance(form, str) for form in forms):
                raise WrongText(f"{id_}: must be a text in quotes")
            yield id_, text


def _wrong(path: Path, why: str) -> ConfigError:
    return ConfigError(f"{_VARIABLE}: {str(path)!r}: {why}")
