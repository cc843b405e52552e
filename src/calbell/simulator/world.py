"""All that the simulated service knows: projects, phones, tickets, faults and the time."""

from collections.abc import Callable, Sequence
from random import Random
from uuid import UUID

from msgspec.structs import replace

from calbell.simulator import magic, tokens
from calbell.simulator.faults import Endpoint, Fault, FaultQueue, QueuedFault
from calbell.simulator.messages import Message
from calbell.simulator.phones import DEFAULT_CHANNELS, Device, Fate, Phone, Platform, Shown
from calbell.simulator.projects import Project, SendingWindow
from calbell.simulator.request_log import LoggedRequest, RequestLog
from calbell.simulator.tickets import Accepted, Outcome, Ticket, TicketBook


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
    ) -> None:
        """`clock` gives Unix seconds; each `keep_…` may be 0, `keep_displayed` is per phone."""
        self._clock = clock
        self._random = random
        self._receipt_delay = receipt_delay
        self._keep_displayed = keep_displayed
        self._keep_tickets = keep_tickets
        self.log = RequestLog(keep_requests)
        self.reset()

    def reset(self) -> None:
        """Everything is empty, and the time is the clock's again."""
        self._advanced = 0.0
        self._projects: dict[str, Project] = {}
        self._windows: dict[str, SendingWindow] = {}
        self._phones: dict[str, Phone] = {}
        self._app_tokens: dict[tuple[str, str, str], str] = {}
        self._tickets = TicketBook(self._random, self._keep_tickets)
        self.faults = FaultQueue()
        self.log.clear()

    # The time, and what can be looked at.

    @property
    def now(self) -> float:
        """Unix seconds: the clock and what was advanced."""
        return self._clock() + self._advanced

    def advance(self, seconds: float) -> None:
        self._advanced += seconds

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
        return self._projects.setdefault(name, Project(name))

    def set_project(self, name: str, *, rate_limit: int | None = None) -> Project:
        """The project exists with this limit; `None` leaves the limit as it is."""
        project = self.project(name)
        if rate_limit is not None:
            project = self._projects[name] = replace(project, rate_limit=rate_limit)
        return project

    def add_device(
        self,
        platform: Platform = Platform.IOS,
        project: str = magic.FIRST_PROJECT,
        *,
        name: str = "",
        channels: Sequence[str] = DEFAULT_CHANNELS,
    ) -> Device:
        """A new device, registered and online, with a token of its own."""
        token = tokens.mint(self._random)
        return self._add(Device(token, platform, project, name, tuple(channels))).device

    def change_device(
        self,
        token: str,
        *,
        offline: bool | None = None,
        registered: bool | None = None,
        name: str | None = None,
        channels: Sequence[str] | None = None,
    ) -> Device:
        """The device as changed; `None` leaves a thing as it is. An unknown token: `KeyError`.

        Online again, it shows what waited for it and has not expired. Registered no more, it
        loses what waits, and its tickets without a receipt get one that says so (S39).
        """
        phone = self.find(token)
        if phone is None:
            raise KeyError(token)
        before = phone.device
        phone.device = replace(
            before,
            offline=before.offline if offline is None else offline,
            registered=before.registered if registered is None else registered,
            name=before.name if name is None else name,
            channels=before.channels if channels is None else tuple(channels),
        )
        if not phone.device.registered:
            phone.uninstall(self._tickets.lose(token, self.now))
        if not phone.device.offline:
            phone.go_online(self.now)
        return phone.device

    def token_of_app(self, project: str, platform: Platform, app: str, phone: str) -> str:
        """The token of this app on this phone: minted once, registered again by asking (S53)."""
        key = project, app, phone
        if key not in self._app_tokens:
            self._app_tokens[key] = self.add_device(platform, project).token
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
        queued = QueuedFault(fault, on, token, nth, times)
        self.faults.add(queued)
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

    def accept(self, phone: Phone, message: Message) -> Accepted:
        """The message is queued under a new ticket, and with the phone or its provider."""
        device, now = phone.device, self.now
        ready_at = now + self._receipt_delay
        match device.fate:
            case Fate.DELIVERED:
                ticket = self._tickets.issue(device, Outcome.OK, now, ready_at)
                phone.receive(message, ticket.id, now)
            case Fate.LATE_GONE:
                outcome = Outcome.DEVICE_NOT_REGISTERED
                ticket = self._tickets.issue(device, outcome, now, ready_at)
        return Accepted(ticket.id)

    def ready_receipts(self, ids: list[str]) -> dict[str, dict[str, object]]:
        """The receipts that can be read now, by ticket id."""
        return {ticket.id: ticket.receipt() for ticket in self._tickets.ready(ids, self.now)}

    def _add(self, device: Device) -> Phone:
        self.project(device.project)
        phone = self._phones[device.token] = Phone(device, self._keep_displayed)
        return phone
