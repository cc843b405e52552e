"""Where: a place as it may be shown."""

import re

from calbell.domain.wording.strangers import shown

LONGEST_PLACE = 200
"""In UTF-8 bytes."""

_PROVIDERS = {
    "integrations:daily": "Cal Video",
    "integrations:google:meet": "Google Meet",
    "integrations:jitsi": "Jitsi Meet",
    "integrations:office365_video": "Microsoft Teams",
    "integrations:zoom": "Zoom",
}
"""Ids of providers that say where to meet, by the name that people know them by."""

_QUERY = re.compile(r"(://[^\s?#]*)[?#]\S*")

_KINDS = frozenset(
    {"attendeeInPerson", "conferencing", "inPerson", "link", "phone", "somewhereElse", "userPhone"}
)
"""Cal.com's names for kinds of places: what stands there before the place itself is known."""


def place_of(text: str | None) -> str:
    """The place; a provider by its name, and nothing where the text stands for a place that is not
    known. A link goes without its query and fragment, which may hold the password of a meeting."""
    if not text or text in _KINDS:
        return ""
    if text.startswith("integrations:"):
        return _PROVIDERS.get(text, "")
    if "://" in text:
        text = _QUERY.sub(r"\1", text)
    return shown(text, LONGEST_PLACE)
