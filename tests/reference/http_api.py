"""The page of the HTTP API, from the document that the service serves."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from calbell.api.docs import METHODS, Docs
from tests.reference.markdown import code, table

_DOCS: Final = Docs()

_INTRODUCTION = """\
# HTTP API

<!-- Made by `python -m tests.reference` from src/calbell/api/openapi.yaml; edit that instead. -->

The running service shows the same at `/docs`, and for programs at `/openapi.json`. `/console`, the
operator's pages for a browser, is not in it.

"""

_WHO = {
    "userKey": "users, with their key or token",
    "operatorToken": "operators, with their token or a key",
    "signature": "Cal.com, with a signature",
}


def page() -> str:
    """Every operation: who may, what is sent, what is answered; then what refusals and objects
    are."""
    parts = (_INTRODUCTION + _DOCS.document["info"]["description"], *_parts())
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _parts() -> Iterator[str]:
    api = _DOCS.document
    schemes = api["components"]["securitySchemes"]
    yield "## Credentials"
    yield "\n".join(f"- **{_WHO[name].capitalize()}.** {_said(schemes[name])}" for name in _WHO)
    for tag in api["tags"]:
        yield f"## {tag['name']}"
        yield tag["description"]
        for path, item in api["paths"].items():
            for method in METHODS:
                if method in item and tag["name"] in item[method]["tags"]:
                    yield from _operation(path, method, item)
    yield from _refusals(api)
    yield "## Objects"
    for name, schema in sorted(_objects().items()):
        yield f"### Object {name}"
        yield _said(schema)
        yield _fields(schema) or "One of " + ", ".join(map(code, schema["enum"])) + "."


def _operation(path: str, method: str, item: dict[str, Any]) -> Iterator[str]:
    operation = item[method]
    yield f"### {method.upper()} {path}"
    yield f"{operation['summary']}. Who may: {_who(operation)}."
    yield operation.get("description", "")
    parameters = [
        _DOCS.resolved(one) for one in item.get("parameters", []) + operation.get("parameters", [])
    ]
    rows = [
        (code(one["name"]), one["in"], _is(one["schema"], one.get("required")), _said(one))
        for one in parameters
        if one["name"] != "Authorization"
    ]
    if rows:
        yield table(("parameter", "in", "is", "meaning"), rows)
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        yield "**Body" + ("" if operation["requestBody"]["required"] else ", optional") + "**"
        yield _form(schema)
    yield from _answers(operation["responses"])


def _who(operation: dict[str, Any]) -> str:
    return " or ".join(_WHO[name] for one in operation["security"] for name in one) or "everybody"


def _form(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return _linked(_DOCS.type_of(schema))
    return _fields(schema) or "Anything."


def _answers(responses: dict[str, Any]) -> Iterator[str]:
    """Those of this operation alone; of those that many have, the numbers."""
    shared = [status for status, answer in responses.items() if "$ref" in answer]
    own = {status: answer for status, answer in responses.items() if "$ref" not in answer}
    lines = [f"- **{status}** {_said(answer)}{_data(answer)}" for status, answer in own.items()]
    if shared:
        lines.append(f"- {', '.join(shared)}: [refused](#refusals)")
    yield "**Answers**"
    yield "\n".join(lines)
    for answer in own.values():
        data = _data_of(answer)
        if data is not None and _named(_items(data)) is None:
            yield "`data`:"
            yield _fields(data)


def _data(answer: dict[str, Any]) -> str:
    """Which object the answer holds, where it is one with a name."""
    data = _data_of(answer)
    named = None if data is None else _named(_items(data))
    return "" if data is None or named is None else f" `data`: {_linked(_DOCS.type_of(data))}."


def _data_of(answer: dict[str, Any]) -> dict[str, Any] | None:
    for content in answer["content"].values():
        data: dict[str, Any] | None = (
            _DOCS.resolved(content["schema"]).get("properties", {}).get("data")
        )
        return data
    return None


def _items(schema: dict[str, Any]) -> dict[str, Any]:
    items: dict[str, Any] = schema.get("items", schema)
    return items


def _named(schema: dict[str, Any]) -> str | None:
    return schema["$ref"].rpartition("/")[2] if "$ref" in schema else None


def _refusals(api: dict[str, Any]) -> Iterator[str]:
    yield "## Refusals"
    used = {
        (status, answer["$ref"])
        for item in api["paths"].values()
        for method in METHODS
        if method in item
        for status, answer in item[method]["responses"].items()
        if "$ref" in answer
    }
    rows = sorted((status, _said({"$ref": reference})) for status, reference in used)
    yield table(("status", "meaning"), ((f"**{status}**", said) for status, said in rows))
    error = api["components"]["schemas"]["Error"]
    yield "Each has this body:"
    yield _fields(error)
    yield "`error`:"
    yield _fields(error["properties"]["error"])
    yield "413, 415 and a failure that nobody foresaw come bare:"
    yield _fields({"$ref": "#/components/schemas/BareError"})


@cache
def _objects() -> Mapping[str, dict[str, Any]]:
    """What is called by its name on this page, and needs more words than fit into a table."""
    found: dict[str, dict[str, Any]] = {}
    waiting = [
        schema
        for item in _DOCS.document["paths"].values()
        for method in METHODS
        if method in item
        for schema in _shown(item[method])
    ]
    while waiting:
        one = waiting.pop(0)
        whole, name = _DOCS.resolved(one), _named(one)
        if name in found:
            continue
        if name is not None and (whole.get("properties") or len(whole.get("enum", ())) > 6):
            found[name] = whole
        waiting += [*one.get("anyOf", ()), *whole.get("properties", {}).values()]
        waiting += [whole["items"]] if "items" in whole else []
    return found


def _shown(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a reader sees of an operation: the body's fields or forms, and what is in the answer."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        schema = body["schema"]
        yield from schema.get("anyOf") or _DOCS.resolved(schema).get("properties", {}).values()
    for answer in operation["responses"].values():
        data = None if "$ref" in answer else _data_of(answer)
        if data is not None:
            yield data


def _fields(schema: dict[str, Any]) -> str:
    whole = _DOCS.resolved(schema)
    needed = whole.get("required", [])
    rows = [
        (code(name), _is(one, name in needed), _said(one))
        for name, one in whole.get("properties", {}).items()
    ]
    return table(("field", "is", "meaning"), rows) if rows else ""


def _is(schema: dict[str, Any], required: object) -> str:
    return _linked(_DOCS.type_of(schema)) + ("" if required else ", optional")


def _linked(words: str) -> str:
    """The words with a link at each name of an object."""
    objects = _objects()
    return re.sub(
        r"\b[A-Z][A-Za-z]+\b",
        lambda name: f"[{name[0]}](#object-{name[0].lower()})" if name[0] in objects else name[0],
        words,
    )


def _said(thing: dict[str, Any]) -> str:
    return " ".join(_DOCS.resolved(thing).get("description", "").split())
