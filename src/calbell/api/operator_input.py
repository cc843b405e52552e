"""What operators send: bodies of a given form, ids in paths, and pages of long lists; or one clear
message about what is wrong."""

import re
from typing import Annotated, Final, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta, Struct

from calbell.api.answers import Problem, bad_request
from calbell.api.requests import Call

T = TypeVar("T")

_VALUE: Final = re.compile(r"(?<=^Invalid enum value) .*", re.DOTALL)

LARGEST: Final = (1 << 63) - 1
"""Of the whole numbers that a database keeps."""


def read_as(call: Call, form: type[T]) -> T | Problem:
    """The body in this form. What is wrong with it is said with the field's name, and without its
    value."""
    try:
        return msgspec.json.decode(call.body or b"{}", type=form)
    except msgspec.ValidationError as error:
        return bad_request(in_words(error))
    except (ValueError, RecursionError):
        return bad_request("the body must be a JSON object")


KEEPABLE: Final = r"^[^\x00\ud800-\udfff]*$"
"""The pattern of what a database can keep."""

Id = Annotated[int, Meta(ge=1, le=LARGEST)]
Line = Annotated[str, Meta(max_length=500, pattern=KEEPABLE)]


class Page(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a long list: up to `limit` rows whose ids are above `after`."""

    after: Annotated[int, Meta(ge=0, le=LARGEST)] = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


def page_in(call: Call) -> Page | Problem:
    """The page that the query asks for."""
    query = dict(parse_qsl(call.query, keep_blank_values=True))
    try:
        return msgspec.convert(query, Page, strict=False)
    except msgspec.ValidationError as error:
        return bad_request(in_words(error))


def number_in(call: Call, name: str) -> int | None:
    """The whole number above zero that stands in the path, if it is one."""
    text = call.path_parameters[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    number = int(text)
    return number if 0 < number <= LARGEST else None


def in_words(error: msgspec.ValidationError) -> str:
    """What is wrong, with the field's name first and without its value."""
    said, _, where = str(error).partition(" - at `$")
    said = _VALUE.sub("", said)
    field = where.strip("`").lstrip(".")
    return f"{field}: {said}" if field else said
