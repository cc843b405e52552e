"""Scaling: what a deployment asks of Calbell's processes, of PostgreSQL and of Expo, on paper.

Pure functions of a deployment and of the unit costs. Everything that is used grows in step with the
users, so where something is reached follows from how far one deployment is from it.
"""

from math import ceil

from msgspec import Struct, structs

from bench import unit_costs as one
from bench.figures import Engine
from calbell.domain.turns import FOR_SINGLE
from calbell.expo.messages import MOST_RECEIPTS, MOST_RECIPIENTS
from calbell.flows.claim import PACE

DAY = 86_400
BUSY = 0.6
"""So much of a core or of a server is used at the peak; the rest is for what nobody foresaw."""
AT_LEAST = 2
"""Processes of each kind, so that one of them may be away."""
PAGE = 8192


class Deployment(Struct, frozen=True, kw_only=True):
    """Who uses it, and how. Each default is a guess: put your own figure there."""

    users: int
    devices: float = 1.5
    """Of a user."""
    bookings: float = 1.0
    """Of a user and day."""
    told: float = 1.25
    """Users who are told of a booking: organizer, hosts, and guests with an account."""
    changes: float = 0.25
    """Further webhooks of a booking: moved, cancelled, and so on."""
    reminders: float = 1.0
    """Of each user who is told of a booking."""
    registrations: float = 3.0
    """Of a device and day: the app registers whenever it starts."""
    busiest_minute: float = 0.004
    """The share of a day's bookings and registrations that falls into the busiest minute; evenly
    spread it were 0.0007."""
    busiest_start: float = 0.08
    """The share of a day's meetings that begin at the same busiest moment."""
    body: int = 2500
    """Bytes of a webhook's body, which is kept."""
    lead_days: float = 7
    """From when a booking is made until it is over."""
    retention_days: float = 30
    projects: int = 1
    """Of Expo: apps."""
    rate: float = 600
    """Notifications a second that Expo takes of a project."""


class Daily(Struct, frozen=True, kw_only=True):
    """How many of everything there are in a day."""

    bookings: float
    webhooks: float
    registrations: float
    reminders: float
    notifications: float
    deliveries: float


class Demand(Struct, frozen=True, kw_only=True):
    """How many of everything there are in a second."""

    webhooks: float
    registrations: float
    deliveries: float
    reminders: float

    def serving(self) -> float:
        """Cores that the processes need that answer HTTP, where intake comes alone."""
        took = self.webhooks * one.WEBHOOK.own + self.registrations * one.REGISTRATION.own
        return took / 1e6

    def delivering(self) -> float:
        """Cores that the workers need."""
        took = self.deliveries * (one.SENT.own + one.RECEIPT.own)
        return (took + self.reminders * one.RELEASED.own) / 1e6

    def server(self, *, in_lists: bool) -> float:
        """Cores that PostgreSQL needs, where intake comes alone or in lists."""
        webhook = one.WEBHOOK_IN_LISTS if in_lists else one.WEBHOOK
        registration = one.REGISTRATION_IN_LISTS if in_lists else one.REGISTRATION
        lasting = self.webhooks * webhook.server + self.reminders * one.RELEASED.server
        lasting += self.deliveries * (one.SENT.server + one.RECEIPT.server)
        took = lasting * (1 + one.FORGETTING) + self.registrations * registration.server
        return took / 1e6

    def log(self) -> float:
        """Bytes of PostgreSQL's log a second."""
        lasting = self.webhooks * one.WEBHOOK.log + self.reminders * one.RELEASED.log
        lasting += self.deliveries * (one.SENT.log + one.RECEIPT.log)
        return lasting * (1 + one.FORGETTING) + self.registrations * one.REGISTRATION.log

    def commits(self) -> float:
        """Transactions a second, where intake comes alone: each waits for one fsync, which several
        may share. A request to Expo is claimed in one and completed in another, receipts too."""
        lists = self.deliveries * 2 * (1 / MOST_RECIPIENTS + 1 / MOST_RECEIPTS)
        return self.webhooks + self.registrations + lists

    def writes(self) -> float:
        """Writes a second at PostgreSQL's disk at most: one for each commit, the log's pages, and
        as many again of the tables' at its checkpoints. Estimated."""
        return self.commits() + 2 * self.log() / PAGE


def daily(deployment: Deployment) -> Daily:
    """A whole day."""
    bookings = deployment.users * deployment.bookings
    webhooks = bookings * (1 + deployment.changes)
    reminders = bookings * deployment.told * deployment.reminders
    notifications = webhooks * deployment.told + reminders
    return Daily(
        bookings=bookings,
        webhooks=webhooks,
        registrations=deployment.users * deployment.devices * deployment.registrations,
        reminders=reminders,
        notifications=notifications,
        deliveries=notifications * deployment.devices,
    )


def mean(deployment: Deployment) -> Demand:
    """A second of a day without peaks."""
    day = daily(deployment)
    return Demand(
        webhooks=day.webhooks / DAY,
        registrations=day.registrations / DAY,
        deliveries=day.deliveries / DAY,
        reminders=day.reminders / DAY,
    )


def peak(deployment: Deployment) -> Demand:
    """The worst second: the busiest minute of bookings falls together with the busiest start of
    meetings, and as much leaves as Expo takes."""
    wanted = unbounded(deployment, within=1.0)
    reminders = min(reminded_at_once(deployment), pace_of_reminders(deployment))
    return structs.replace(
        wanted,
        deliveries=min(wanted.deliveries, pace(deployment)),
        reminders=reminders / deployment.devices,
    )


def unbounded(deployment: Deployment, within: float) -> Demand:
    """The same, if Expo took whatever comes, and the reminders that are due together left within so
    many seconds."""
    day, a_second = daily(deployment), deployment.busiest_minute / 60
    due = reminded_at_once(deployment) / within
    return Demand(
        webhooks=day.webhooks * a_second,
        registrations=day.registrations * a_second,
        deliveries=news(deployment) + due,
        reminders=due / deployment.devices,
    )


def pace(deployment: Deployment) -> float:
    """Deliveries a second that leave at most: at Expo's rate, with Calbell's margin."""
    return PACE * deployment.rate * deployment.projects


def news(deployment: Deployment) -> float:
    """Deliveries of news a second in the busiest minute."""
    told = daily(deployment).webhooks * deployment.told * deployment.devices
    return told * deployment.busiest_minute / 60


def news_at_once(deployment: Deployment) -> float:
    """Of that, what leaves while reminders wait: it has a share of each request for itself
    (docs/decisions/0028-whose-turn-it-is.md). More of it goes by its deadline, after them."""
    return min(news(deployment), pace(deployment) / FOR_SINGLE)


def pace_of_reminders(deployment: Deployment) -> float:
    """Deliveries of reminders a second that leave at most in the busiest minute: what news does not
    use."""
    return pace(deployment) - news_at_once(deployment)


def reminded_at_once(deployment: Deployment) -> float:
    """Deliveries of reminders that are due in the same moment, before the busiest start."""
    return daily(deployment).reminders * deployment.devices * deployment.busiest_start


def leaves_within(deployment: Deployment) -> float:
    """Seconds until the last of these reminders has left, where as much news comes meanwhile as in
    the busiest minute."""
    return reminded_at_once(deployment) / pace_of_reminders(deployment)


def users_left_within(deployment: Deployment, seconds: float) -> float:
    """With how many users these reminders have just left after so many seconds: news of more users
    takes more of the pace, until it has its share."""
    reminded = reminded_at_once(deployment)
    most = seconds * pace(deployment)
    growing = most / (reminded + seconds * news(deployment))
    full = most * (1 - 1 / FOR_SINGLE) / reminded
    return deployment.users * max(growing, full)


def processes(cores: float) -> int:
    """How many of them, each on a core of its own that is not used up."""
    return max(AT_LEAST, ceil(cores / BUSY))


def stored(deployment: Deployment, engine: Engine) -> dict[str, float]:
    """Bytes of each table, with its indexes, once as much is forgotten as comes in."""
    day, rows = daily(deployment), one.ROW_BYTES[engine]
    kept = deployment.lead_days + deployment.retention_days
    event = rows["events"] - one.BODY_IN_COSTS + deployment.body
    devices = deployment.users * deployment.devices
    return {
        "users": deployment.users * (rows["users"] + rows["addresses"] + rows["api_keys"]),
        "phones": devices * (rows["phones"] + rows["subscriptions"]),
        "bookings": kept * day.bookings * rows["bookings"],
        "events": kept * day.webhooks * (event + rows["event_keys"]),
        "notifications": kept * day.notifications * rows["notifications"],
        "deliveries": kept * day.deliveries * (rows["deliveries"] + rows["attempts"]),
    }


def size(deployment: Deployment, engine: Engine) -> float:
    """Bytes of the database."""
    return sum(stored(deployment, engine).values())


class Hardware(Struct, frozen=True, kw_only=True):
    """One large PostgreSQL, and how late a reminder may be."""

    cores: int = 16
    fsyncs: float = 1000
    """A second, one after the other: a disk that takes a millisecond."""
    log: float = 50e6
    """Bytes a second that the log's one stream takes, and that standbys and archive follow."""
    size: float = 2e12
    """Bytes that can be copied, vacuumed and restored within hours."""
    late: float = 300
    """Seconds that the last reminder of a peak may be late: of ten minutes, five are left."""


class Limit(Struct, frozen=True):
    """How much of something there is, how much of it a deployment uses, and so with how many users
    it is used up."""

    words: str
    used: float
    available: float
    users: float


def limits(deployment: Deployment, hardware: Hardware) -> list[Limit]:
    """Everything that ends somewhere, the nearest first.

    PostgreSQL's limits are those of an Expo that takes whatever comes. Where they are reached much
    waits, so intake comes in lists there, and one fsync carries a list.
    """
    busiest = unbounded(deployment, hardware.late)
    stored_bytes = size(deployment, Engine.POSTGRESQL)
    found = (
        ("Expo's pace in the mean, /s", mean(deployment).deliveries, pace(deployment)),
        ("PostgreSQL's CPU, cores", busiest.server(in_lists=True), BUSY * hardware.cores),
        ("PostgreSQL's fsyncs, /s", busiest.commits() / one.IN_A_LIST, hardware.fsyncs),
        ("PostgreSQL's log, MB/s", busiest.log() / 1e6, hardware.log / 1e6),
        ("the database's size, GB", stored_bytes / 1e9, hardware.size / 1e9),
    )
    reminders = Limit(
        "reminders due together leave, s",
        leaves_within(deployment),
        hardware.late,
        users_left_within(deployment, hardware.late),
    )
    in_step = (
        Limit(words, used, there, deployment.users * there / used) for words, used, there in found
    )
    return sorted((reminders, *in_step), key=lambda limit: limit.users)
