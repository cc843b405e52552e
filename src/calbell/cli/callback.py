"""What `calbell doctor` finds about the program that waits for notices. Pure, as the findings."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from calbell.callback import NO_NAME, PRIVATE
from calbell.cli.findings import Finding, doubtful, fine, wrong
from calbell.config import Settings
from calbell.store.notices import Callback

_CHECK: Final = "callback"
_OTHER_SECRET: Final = (
    "if the program refuses the signature, give it the same CALBELL_CALLBACK_SECRET"
)
_REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        PRIVATE: "the name leads into a private network: if that is meant, set "
        "CALBELL_CALLBACK_URL to the address itself, or localhost",
        NO_NAME: "mend the name in CALBELL_CALLBACK_URL, or how this machine finds names",
        "no connection": "start the program, and let this machine reach it",
        "redirect": "redirects are not followed: set CALBELL_CALLBACK_URL to where it leads",
        "status 401": _OTHER_SECRET,
        "status 403": _OTHER_SECRET,
        "timeout": "let the program answer within ten seconds, and do its work afterwards",
    }
)


def of_callback(settings: Settings, callback: Callback, refused: str | None) -> Iterator[Finding]:
    """Whether the program that waits for notices has them. `refused`: why nothing can be sent to
    its address, as far as that is seen without sending."""
    if settings.callback_url is None:
        yield fine(_CHECK, "off: there is no CALBELL_CALLBACK_URL")
        return
    failure = refused or callback.failure
    remedy = _REMEDIES.get(failure or "", "see what the program at CALBELL_CALLBACK_URL says")
    if refused is not None:
        yield wrong(_CHECK, f"nothing can be sent there: {refused}", remedy)
    elif callback.in_vain:
        yield wrong(_CHECK, f"tried in vain: {callback.in_vain}; the last time: {failure}", remedy)
    if callback.given_up:
        yield doubtful(_CHECK, f"given up since yesterday: {callback.given_up}", remedy)
    if refused is None and not callback.in_vain and not callback.given_up:
        yield fine(_CHECK, f"{callback.waiting} to be sent, none tried in vain")
