"""What Expo can say of one delivery, as closed unions: outcomes to handle, not exceptions."""

from datetime import timedelta
from typing import TypeAlias

from msgspec import Struct


class Accepted(Struct, frozen=True):
    """Expo queued it and named the ticket under which the receipt will be found."""

    ticket_id: str


class Gone(Struct, frozen=True):
    """The phone is not there any more, or never was."""

    code: str


class Refused(Struct, frozen=True):
    """Refused for good: sending the same again cannot succeed."""

    code: str


class Later(Struct, frozen=True):
    """Certainly not handed over, and worth another try; not before `wait`, where Expo named it, and
    in no more than `most` attempts that come to the same (`None`: as long as there is time)."""

    code: str
    wait: timedelta | None = None
    most: int | None = None


class Unclear(Struct, frozen=True):
    """It may have been queued or not: the answer was lost, or cannot be trusted."""

    code: str


class Delivered(Struct, frozen=True):
    """Apple or Google took it. Nothing later can be known."""


class Missing(Struct, frozen=True):
    """There is no receipt yet."""


Ticket: TypeAlias = Accepted | Gone | Refused | Later | Unclear
"""What one message of a send request came to."""

Receipt: TypeAlias = Delivered | Gone | Refused | Later | Missing
"""What became of one ticket."""


class Tickets(Struct, frozen=True):
    """One ticket for each message of the request, in its order."""

    tickets: tuple[Ticket, ...]


class WholeRefused(Struct, frozen=True):
    """Nothing of the request was sent because of something in it: split it to find out what."""

    code: str


class MixedProjects(Struct, frozen=True):
    """Nothing was sent because the tokens belong to several projects: `@owner/slug` to tokens.
    Tokens that are not named have no project that Expo knows."""

    tokens: dict[str, tuple[str, ...]]


class AllLater(Struct, frozen=True):
    """Nothing of the request was sent; the project should pause before the next one. Where it is
    `unexplained`, the reason may be in the request, or on the way there, such as a proxy."""

    code: str
    wait: timedelta | None = None
    unexplained: bool = False


class AllBarred(Struct, frozen=True):
    """Nothing of the request was sent, because our access token does not open the project; or, for
    `everybody`, no project at all. Expo may name the project, `@owner/slug`."""

    code: str
    everybody: bool = False
    project: str | None = None


class AllUnclear(Struct, frozen=True):
    """Any part of the request may have been sent; the project should pause for `wait`, where Expo
    named it."""

    code: str
    wait: timedelta | None = None


Answer: TypeAlias = Tickets | WholeRefused | MixedProjects | AllLater | AllBarred | AllUnclear
"""What a send request came to."""


class Receipts(Struct, frozen=True):
    """The receipts that are there, by ticket id; an id that is absent has none yet."""

    by_ticket: dict[str, Receipt]


class NoReceipts(Struct, frozen=True):
    """The question failed. It sends nothing to anybody, so it is simply asked again; not before
    `wait`, where Expo named it."""

    code: str
    wait: timedelta | None = None


class ReceiptsRefused(Struct, frozen=True):
    """The question was refused because of something in it: ask for fewer to find out what."""

    code: str


ReceiptsAnswer: TypeAlias = Receipts | NoReceipts | ReceiptsRefused
"""What a request for receipts came to."""
