"""`/openapi.json` and `/docs`: the API described, for programs and for people."""

from base64 import b64encode
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from calbell import __version__
from calbell.api.answers import Answer, Header, Problem, json
from calbell.api.requests import Call

JSON_PATH = "/openapi.json"
PAGE_PATH = "/docs"

METHODS = ("get", "post", "patch", "delete")


def said(text: str) -> Markup:
    """The text for a page; what stands between backticks is code."""
    parts = text.strip().split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part)
        for at, part in enumerate(parts)
    )


class Docs:
    """The document that is written by hand, and the page made of it. Both are made when somebody
    asks for the first time."""

    async def openapi(self, _: Call) -> Answer | Problem:
        """200 with the document as JSON; any web page may read it."""
        return self._json

    async def page(self, _: Call) -> Answer | Problem:
        """200 with the document as a page that needs nothing from anywhere else."""
        return self._page

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document, with the version of this program."""
        import yaml

        text = (files("calbell.api") / "openapi.yaml").read_text(encoding="utf-8")
        document: dict[str, Any] = yaml.load(text, yaml.CSafeLoader)
        document["info"]["version"] = __version__
        return document

    @cached_property
    def _json(self) -> Answer:
        plain = json(200, self.document)
        anywhere: Header = (b"access-control-allow-origin", b"*")
        return Answer(200, plain.body, (*plain.headers, anywhere))

    @cached_property
    def _page(self) -> Answer:
        environment = Environment(
            loader=PackageLoader("calbell.api"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals["resolved"] = self.resolved
        environment.filters["said"] = said
        environment.globals["type_of"] = self.type_of
        style = environment.get_template("docs.css").render()
        page = environment.get_template("docs.html").render(
            api=self.document, style=style, methods=METHODS
        )
        digest = b64encode(sha256(style.encode()).digest()).decode()
        policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )
        return Answer(
            200,
            page.encode(),
            (
                (b"content-type", b"text/html; charset=utf-8"),
                (b"content-security-policy", policy.encode()),
                (b"referrer-policy", b"no-referrer"),
            ),
        )

    def resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        """What a `$ref` stands for, with what is said beside it; all else as it is."""
        reference = value.get("$ref")
        if reference is None:
            return value
        found: dict[str, Any] = self.document
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
        return {**self.resolved(found), **{k: v for k, v in value.items() if k != "$ref"}}

    def type_of(self, schema: dict[str, Any]) -> str:
        """A schema in a few words."""
        if "anyOf" in schema:
            return " or ".join(self.type_of(one) for one in schema["anyOf"])
        named: str = schema["$ref"].rpartition("/")[2] if "$ref" in schema else ""
        whole = self.resolved(schema)
        if "const" in whole:
            return f"“{whole['const']}”"
        if "enum" in whole and len(whole["enum"]) <= 6:
            return " | ".join("null" if one is None else str(one) for one in whole["enum"])
        kind = whole.get("type", "anything")
        if kind == "array":
            return f"list of {self.type_of(whole['items'])}"
        if isinstance(kind, list):
            return " or ".join(kind)
        if kind == "object" or "enum" in whole:
            return named or str(kind)
        return f"{kind} ({whole['format']})" if "format" in whole else str(kind)
