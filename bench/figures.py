"""The figures, what each of them has to reach (DESIGN.md section 7), and one reading of one."""

from collections.abc import Mapping
from enum import Enum, StrEnum
from types import MappingProxyType

from msgspec import Struct


class Engine(StrEnum):
    """The engines there are."""

    SQLITE = "SQLite"
    POSTGRESQL = "PostgreSQL"


def engine_named(text: str) -> Engine:
    """The engine of that name, in whatever case."""
    return {engine.lower(): engine for engine in Engine}[text.lower()]


class Goal(Struct, frozen=True):
    """What a figure has to reach: at least, or at most, so much."""

    limit: float
    is_least: bool = False

    def is_met(self, value: float) -> bool:
        """Whether so much is enough."""
        return value >= self.limit if self.is_least else value <= self.limit


def at_least(limit: float) -> Goal:
    """More is better."""
    return Goal(limit, is_least=True)


def at_most(limit: float) -> Goal:
    """Less is better."""
    return Goal(limit)


class Figure(Enum):
    """Everything that is measured: in words, its unit, what it has to reach on SQLite and on
    PostgreSQL, and how it goes with the machine's speed: up with it (1), down (-1), or neither."""

    LAYERS = "the layers below Calbell alone, registrations", "/s", None, None
    REGISTRATIONS = "registrations, durable", "/s", at_least(12_000), at_least(7_000), 1
    WEBHOOKS = "signed webhooks, two deliveries each", "/s", at_least(4_000), at_least(2_500), 1
    DRAIN = "backlog to Expo, tickets stored", "/s", at_least(15_000), at_least(15_000), 1
    FULL_BATCHES = "full batches of that", "%", at_least(98), at_least(98)
    PACED = "core used at Expo's 600/s a project", "%", at_most(5), at_most(5), -1
    REST_P50 = "event to request, at rest, p50", "ms", at_most(10), at_most(10), -1
    REST_P99 = "event to request, at rest, p99", "ms", at_most(50), at_most(50)
    LOAD_P99 = "event to request, 50 events/s, p99", "ms", at_most(200), at_most(200)
    APART_P50 = "the same with serve and worker apart, at rest, p50", "ms", None, at_most(10), -1
    APART_P99 = "the same with serve and worker apart, at rest, p99", "ms", None, at_most(50)
    APART_LOAD_P99 = "the same with both apart, 50 events/s, p99", "ms", None, at_most(200)
    WORDS = "words of one push, all times different", "µs", None, None
    MEMORY = "memory of an idle serve", "MB", at_most(80), at_most(95)

    def __init__(
        self,
        words: str,
        unit: str,
        on_sqlite: Goal | None,
        on_postgresql: Goal | None,
        with_speed: int = 0,
    ) -> None:
        self.words = words
        self.unit = unit
        self.with_speed = with_speed
        self._goals = {Engine.SQLITE: on_sqlite, Engine.POSTGRESQL: on_postgresql}

    def goal(self, engine: Engine) -> Goal | None:
        """What it has to reach."""
        return self._goals[engine]


LAYERS_WHERE_DESIGNED: Mapping[Engine, float] = MappingProxyType(
    {Engine.SQLITE: 20_600, Engine.POSTGRESQL: 17_000}
)
"""What the layers alone did, a second, where what is to be reached comes from (DESIGN.md section
7)."""


class Reading(Struct, frozen=True):
    """What one run measured, and what else is worth knowing of that run."""

    figure: Figure
    value: float
    note: str = ""
