"""Where settings come from: the environment, the `.env` file, and the files a `NAME_FILE` names."""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import msgspec

from calbell.config.kinds import quoted
from calbell.config.settings import Settings, check_together
from calbell.config.variables import PREFIX, VARIABLES, ConfigError


class Given(NamedTuple):
    """What the operator wrote, and where."""

    text: str
    origin: str


def load(environ: Mapping[str, str], directory: Path) -> Settings:
    """The settings, each right and all fit for each other; else a ConfigError for the first fault.

    A variable in `environ` wins over the same one in the `.env` file of `directory`, in
    whichever of the two forms (`NAME`, `NAME_FILE`) it is given.
    """
    field_names = {field.encode_name: field.name for field in msgspec.structs.fields(Settings)}
    values: dict[str, Any] = {}  # fit for their fields: `setting` sees to it
    for name, given in _given(environ, directory).items():
        values[field_names[name]] = VARIABLES[name].value(given.text, given.origin)
    settings = Settings(**values)
    check_together(settings)
    return settings


def describe(environ: Mapping[str, str], directory: Path) -> dict[str, Given]:
    """What is in effect for each variable, right or wrong, fit to be shown: secrets as `***`."""
    defaults = {name: Given(v.default or "", "default") for name, v in VARIABLES.items()}
    in_effect = defaults | _given(environ, directory)
    return {
        name: given._replace(text=VARIABLES[name].kind.show(given.text) if given.text else "none")
        for name, given in in_effect.items()
    }


def _given(environ: Mapping[str, str], directory: Path) -> dict[str, Given]:
    """What was set to a value, by variable; what is missing here has its default."""
    written = {name: Given(text, "environment") for name, text in environ.items()}
    claimed = {name.removesuffix("_FILE") for name in written}
    written |= {
        name: given
        for name, given in _env_file(directory / ".env").items()
        if name.removesuffix("_FILE") not in claimed
    }
    ours = {name: given for name, given in written.items() if name.startswith(PREFIX)}
    texts = _resolved(ours, directory)
    return {
        name: texts[name]
        for name, variable in VARIABLES.items()
        if name in texts and (texts[name].text or variable.kind.reads_empty)
    }


def _resolved(written: Mapping[str, Given], directory: Path) -> dict[str, Given]:
    """The texts by variable, with the files read that a `NAME_FILE` names."""
    result: dict[str, Given] = {}
    for name, given in written.items():
        variable = name.removesuffix("_FILE")
        if variable not in VARIABLES:
            _refuse_unknown(name, given)
        if name == variable:
            result.setdefault(name, given)
        elif given.text:
            if variable in written and written[variable].text:
                raise ConfigError(f"{variable} and {name} are both given: remove one of them")
            text = _read(directory / given.text, f"{name} ({given.origin})")
            result[variable] = Given(text.removesuffix("\n"), f"file {given.text!r}")
    return result


def _refuse_unknown(name: str, given: Given) -> NoReturn:
    stem = name.removesuffix("_FILE")
    names = {known.removeprefix(PREFIX): known for known in VARIABLES}
    near = get_close_matches(stem.removeprefix(PREFIX)[:80], names, n=1)
    hint = f"did you mean {names[near[0]]}{name[len(stem) :]}?" if near else "remove it"
    raise ConfigError(f"{quoted(name)} ({given.origin}): there is no such setting; {hint}")


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
    except ValueError:
        reason = "it is not UTF-8 text"
    raise ConfigError(f"{what}: cannot read {str(path)!r}: {reason}")


_LINE = re.compile(
    r"""\s* (?:export\s+)? (?P<name>[A-Za-z_][\w.-]*) \s*=\s*+
    (?: '(?P<raw>[^']*)' | "(?P<escaped>(?:[^"\\]|\\.)*)" | (?P<plain>(?!['"]).*?) )
    (?: (?<=\s)\#.* | \s+\#.* | \s* )""",
    re.VERBOSE,
)


def _env_file(path: Path) -> dict[str, Given]:
    """The variables of a `.env` file, the last of a name; nothing where there is no such file."""
    result: dict[str, Given] = {}
    if not os.path.exists(path):  # also no where it cannot be looked for
        return result
    for number, line in enumerate(_read(path, ".env").split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ConfigError(
                f"{str(path)!r} line {number}: must be NAME=value, a # comment or empty"
            )
        text = match["raw"] or match["plain"] or ""
        if match["escaped"]:
            text = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], match["escaped"])
        result[match["name"]] = Given(text, f".env line {number}")
    return result
