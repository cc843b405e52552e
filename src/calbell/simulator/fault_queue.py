"""The faults that wait for their requests, and which request meets which."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from calbell.simulator.faults import SUPPORTED, Endpoint, Fault, NotRead, Seconds, endpoints_of
from calbell.simulator.reading import misshapen
from calbell.simulator.wire import Refused, Request, invalid, unpacked


class QueuedFault(msgspec.Struct, frozen=True):
    """A fault that waits for its requests: those to `on` that name `token`, if one is given.

    It begins `after_seconds` from now, with the `nth` of them, and strikes `times` times (0 means
    until reset), but not when `for_seconds` are over since it began. With `every_seconds` it does
    not end: it strikes in the first `for_seconds` of each such span of the clock, so that 3600 is
    every full hour.
    """

    fault: Fault
    on: Endpoint = Endpoint.SEND
    token: str | None = None
    nth: int = 1
    times: int = 1
    after_seconds: float = 0.0
    for_seconds: float | None = None
    every_seconds: float | None = None


class FaultOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault as it is asked for, in the body of `POST /_sim/faults` or in a scenario."""

    fault: str
    on: Endpoint | None = None
    token: str | None = None
    nth: Annotated[int, Meta(ge=1)] = 1
    times: Annotated[int, Meta(ge=0)] | None = None
    after_seconds: Seconds = 0.0
    for_seconds: Seconds | None = None
    every_seconds: Annotated[float, Meta(gt=0)] | None = None
    options: dict[str, Any] = msgspec.field(default_factory=dict)

    def checked(self) -> QueuedFault:
        """The fault to be queued, or a refusal that says what does not fit.

        What is to last some seconds strikes as often as it can; else once.
        """
        if self.fault not in SUPPORTED:
            raise invalid(f'"fault" must be one of {", ".join(SUPPORTED)}.')
        try:
            fault: Fault = msgspec.convert({**self.options, "fault": self.fault}, Fault)
        except msgspec.ValidationError as error:
            raise misshapen(error) from None
        on = self.on or endpoints_of(fault)[0]
        if on not in endpoints_of(fault):
            raise invalid(f"{self.fault} is no fault of {on}.")
        if isinstance(fault, NotRead) and self.token:
            raise invalid(f"{self.fault} strikes before a token can be read.")
        if self.every_seconds and self.for_seconds is None:
            raise invalid('"every_seconds" needs "for_seconds".')
        times = self.times
        if times is None:
            times = 1 if self.for_seconds is None else 0
        return QueuedFault(
            fault,
            on,
            self.token,
            self.nth,
            times,
            self.after_seconds,
            self.for_seconds,
            self.every_seconds,
        )


class _Armed:
    __slots__ = ("begins_at", "ends_at", "met", "queued", "struck")

    def __init__(self, queued: QueuedFault, now: float) -> None:
        self.queued = queued
        self.begins_at = now + queued.after_seconds
        ends = queued.for_seconds is not None and queued.every_seconds is None
        self.ends_at = self.begins_at + (queued.for_seconds or 0) if ends else None
        self.met = 0
        self.struck = 0

    def is_on(self, now: float) -> bool:
        """Whether it is its time; a fault that is spent is not asked."""
        every, lasts = self.queued.every_seconds, self.queued.for_seconds
        return self.begins_at <= now and (not every or not lasts or now % every < lasts)

    @property
    def is_due(self) -> bool:
        return self.met >= self.queued.nth

    def is_spent(self, now: float) -> bool:
        return 0 < self.queued.times <= self.struck or (
            self.ends_at is not None and self.ends_at <= now
        )


class FaultQueue:
    """The queued faults; of several that are due, the one queued first strikes."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def add(self, queued: QueuedFault, now: float) -> None:
        self._armed.append(_Armed(queued, now))

    def waiting(self, now: float) -> tuple[QueuedFault, ...]:
        """Those that may still strike."""
        self._drop_spent(now)
        return tuple(each.queued for each in self._armed)

    def strike(self, endpoint: Endpoint, request: Request, now: float) -> QueuedFault | None:
        """The fault that this request meets. The request counts for every fault it matches."""
        if not self._armed:
            return None
        self._drop_spent(now)
        matching = [
            each
            for each in self._armed
            if each.is_on(now) and _matches(each.queued, endpoint, request)
        ]
        for each in matching:
            each.met += 1
        return self._struck(next((each for each in matching if each.is_due), None))

    def strike_unread(self, endpoint: Endpoint, now: float) -> QueuedFault | None:
        """The `NotRead` that a request meets of which only the head is known, if it is the first
        that is due; then the request counts for it and for no other."""
        self._drop_spent(now)
        for each in self._armed:
            if each.queued.on is not endpoint or not each.is_on(now):
                continue
            if not isinstance(each.queued.fault, NotRead):
                if each.queued.token is None and each.met + 1 >= each.queued.nth:
                    return None
            elif each.met + 1 >= each.queued.nth:
                each.met += 1
                return self._struck(each)
        return None

    def _struck(self, armed: _Armed | None) -> QueuedFault | None:
        if armed is None:
            return None
        armed.struck += 1
        return armed.queued

    def _drop_spent(self, now: float) -> None:
        self._armed = [each for each in self._armed if not each.is_spent(now)]


def _matches(queued: QueuedFault, endpoint: Endpoint, request: Request) -> bool:
    if queued.on is not endpoint:
        return False
    if queued.token is None:
        return True
    try:
        return queued.token.encode() in unpacked(request)
    except Refused:
        return False
