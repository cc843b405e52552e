"""All that the simulated service knows: projects, phones, tickets, faults and the time."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from calbell.simulator import magic, tokens
from calbell.simulator.agenda import Agenda
from calbell.simulator.fault_queue import FaultQueue, QueuedFault
from calbell.simulator.faults import Endpoint, Fault
from calbell.simulator.messages import Message
from calbell.simulator.phones import APP, DEFAULT_CHANNELS, Device, Phone, Platform, Shown
from calbell.simulator.projects import RATE_LIMIT, Project, SendingWindow
from calbell.simulator.receipts import Receipt
from calbell.simulator.request_log import LoggedRequest, RequestLog
from calbell.simulator.switches import DEFAULT
from calbell.simulator.tickets import Accepted, Rejected, Ticket, TicketBook
from calbell.simulator.twists import NEVER, PLAIN, Twist, twisted
from calbell.simulator.verdicts import Queued, as_switched, judged


class World:
    """The state, and what can be done to it without HTTP.

    It is a function of the clock, the randomness and the calls. Everything in it is bounded but
    the devices: one for each token that was minted, and for each magic token that was used.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        random: Random,
        receipt_delay: float = 2.0,
        *,
        keep_requests: int = 1_000,
        keep_displayed: int = 100,
        keep_tickets: int = 1_000_000,
        rate_limit: int = RATE_LIMIT,
    ) -> None:
        """`clock` gives Unix seconds; each `keep_…` may be 0, `keep_displayed` is per phone. The
        rate limit is that of projects which have none of their own."""
        self._clock = clock
        self._random = random
        self._receipt_delay = receipt_delay
        self._keep_displayed = keep_displayed
        self._keep_tickets = keep_tickets
        self._rate_limit = rate_limit
        self.switches = DEFAULT
        self.log = RequestLog(keep_requests)
        self.reset()

    def reset(self) -> None:
        """Everything is empty, and the time is the clock's again; switches stay as they are."""
        self._advanced = 0.0
        self._projects: dict[str, Project] = {}
        self._windows: dict[str, SendingWindow] = {}
        self._phones: dict[str, Phone] = {}
        self._app_tokens: dict[tuple[str, str, str], str] = {}
        self._tickets = TicketBook(self._random, self._keep_tickets)
        self._agenda = Agenda()
        self.faults = FaultQueue()
        self.log.clear()

    # The time, and what can be looked at.

    @property
    def now(self) -> float:
        """Unix seconds: the clock and what was advanced."""
        return self._clock() + self._advanced

    def advance(self, seconds: float) -> None:
        self._advanced += seconds
        self.catch_up()

    def catch_up(self) -> None:
        """What was to happen until now has happened."""
        self._agenda.catch_up(self.now)

    @property
    def projects(self) -> tuple[Project, ...]:
        return tuple(self._projects.values())

    @property
    def devices(self) -> tuple[Device, ...]:
        return tuple(phone.device for phone in self._phones.values())

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """Those of the last 24 hours, oldest first."""
        return self._tickets.kept(self.now)

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        return self.log.entries

    def displayed(self, token: str) -> tuple[Shown, ...]:
        """What the phone shows, oldest first; nothing for a token nobody knows."""
        phone = self.find(token)
        return phone.shown if phone else ()

    def request_id(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)

    # Projects, devices, faults.

    def project(self, name: str) -> Project:
        """The project, made with its defaults when it is first heard of."""
        return self._projects.setdefault(name, Project(name, self._rate_limit))

    def set_project(self, name: str, **changes: Any) -> Project:
        """The project exists, and these fields of `Project` are as given."""
        project = self._projects[name] = replace(self.project(name), **changes)
        return project

    def knows_bearer(self, bearer: str) -> bool:
        """Whether the access token is any project's."""
        return any(bearer in project.access_tokens for project in self._projects.values())

    def add_device(
        self,
        platform: Platform = Platform.IOS,
        project: str = magic.FIRST_PROJECT,
        *,
        name: str = "",
        channels: Sequence[str] = DEFAULT_CHANNELS,
        app: str = APP,
    ) -> Device:
        """A new device, registered and online, with a token of its own."""
        token = tokens.mint(self._random)
        return self._add(Device(token, platform, project, name, tuple(channels), app=app)).device

    def change_device(self, token: str, **changes: Any) -> Device:
        """The device with these fields of `Device` as given. An unknown token: `KeyError`.

        Online again, it shows what waited for it and has not expired. Registered no more, it
        loses what waits, and its tickets without a receipt get one that says so (S39).
        """
        phone = self.find(token)
        if phone is None:
            raise KeyError(token)
        phone.device = replace(phone.device, **changes)
        if not phone.device.registered:
            phone.uninstall(self._tickets.lose(token, self.now))
        if not phone.device.offline:
            phone.go_online(self.now)
        return phone.device

    def unregister_later(self, token: str, seconds: float) -> None:
        """The app is removed from the phone when so many seconds have passed."""
        self._agenda.add(self.now + seconds, lambda _: self._unregister(token))

    def token_of_app(self, project: str, platform: Platform, app: str, phone: str) -> str:
        """The token of this app on this phone: minted once, registered again by asking (S53)."""
        key = project, app, phone
        if key not in self._app_tokens:
            self._app_tokens[key] = self.add_device(platform, project, app=app).token
        token = self._app_tokens[key]
        self.change_device(token, registered=True)
        return token

    def queue_fault(
        self,
        fault: Fault,
        on: Endpoint = Endpoint.SEND,
        *,
        token: str | None = None,
        nth: int = 1,
        times: int = 1,
    ) -> QueuedFault:
        """The fault waits for its requests, as `QueuedFault` says."""
        return self.queue(QueuedFault(fault, on, token, nth, times))

    def queue(self, queued: QueuedFault) -> QueuedFault:
        self.faults.add(queued, self.now)
        return queued

    # What the push endpoints need.

    def find(self, token: str) -> Phone | None:
        """The phone that the token names, be it minted or magic."""
        phone = self._phones.get(token)
        if phone is None and (device := magic.conjured(token)):
            return self._add(device)
        return phone

    def admits(self, project: str, notifications: int) -> bool:
        """Whether the project may send so many more within this second; if so, they count."""
        window = self._windows.setdefault(project, SendingWindow())
        return window.admits(notifications, self.project(project).rate_limit, self.now)

    def twisted(self, struck: QueuedFault | None, tokens: Sequence[str]) -> Sequence[Twist]:
        """What the fault does to each recipient."""
        return twisted(struck, tokens, self._random)

    def accept(self, phone: Phone, message: Message, twist: Twist = PLAIN) -> Accepted | Rejected:
        """The ticket. If it is ok, the message is queued, and with the phone or its provider."""
        project = self.project(phone.device.project)
        verdict = judged(message, phone.device, project, twist, self.switches)
        match verdict:
            case Rejected():
                return self.refuse(verdict)
            case Queued():
                return self._queued(phone, message, verdict, twist)

    def refuse(self, rejected: Rejected) -> Rejected:
        """The error ticket in the form that the switches choose."""
        if not (self.switches.omit_details or self.switches.error_ticket_has_id):
            return rejected
        return as_switched(rejected, self._tickets.new_id(self.now), self.switches)

    def projects_of(self, ids: list[str]) -> set[str]:
        """The projects for which these tickets were made."""
        found = self._tickets.find(ids, self.now)
        return {self._phones[ticket.token].device.project for _, ticket in found}

    def ready_receipts(self, ids: list[str]) -> Mapping[str, Receipt]:
        """The receipts that can be read now, by ticket id."""
        now = self.now
        return {
            asked: ticket.receipt(self.switches)
            for asked, ticket in self._tickets.find(ids, now)
            if ticket.is_ready(now)
        }

    def _queued(self, phone: Phone, message: Message, verdict: Queued, twist: Twist) -> Accepted:
        now = self.now
        after = self._receipt_delay if verdict.receipt_after is None else verdict.receipt_after
        ticket = self._tickets.issue(
            phone.device,
            verdict.outcome,
            now,
            None if after == NEVER else now + after,
            version=self.switches.id_version,
            skew=twist.skew,
        )
        if twist.is_uninstalled:
            self.unregister_later(ticket.token, after)
        if verdict.is_brought:
            self._bring(phone, message, ticket.id, twist)
        return Accepted(ticket.id)

    def _bring(self, phone: Phone, message: Message, ticket_id: str, twist: Twist) -> None:
        def brought(at: float) -> None:
            if not phone.device.registered:
                return
            phone.receive(message, ticket_id, at)
            if twist.is_doubled:
                phone.receive_again(message, ticket_id, at)

        if twist.shown_after:
            self._agenda.add(self.now + twist.shown_after, brought)
        else:
            brought(self.now)

    def _unregister(self, token: str) -> None:
        self.change_device(token, registered=False)

    def _add(self, device: Device) -> Phone:
        self.project(device.project)
        phone = self._phones[device.token] = Phone(device, self._keep_displayed)
        return phone
