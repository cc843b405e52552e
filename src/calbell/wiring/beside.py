"""Loops beside the service: nobody's push waits for what they ask of others."""

from collections.abc import Callable, Iterator
from random import Random

from calbell.config import Settings
from calbell.flows.call_back import CallBack, Post
from calbell.flows.loop import Loop
from calbell.flows.reconcile import LOOKS_EVERY, CalcomBookings, Reconcile
from calbell.flows.surroundings import Clock, new_key
from calbell.flows.take_in import TakeIn
from calbell.store.database import Database
from calbell.telemetry import Metrics
from calbell.wiring.parts import NET, Turn


def beside(
    settings: Settings,
    database: Database,
    calcom: CalcomBookings,
    post_to: Callable[[str], Post],
    take_in: TakeIn,
    clock: Clock,
    chance: Random,
    metrics: Metrics,
) -> Iterator[tuple[Loop, Turn]]:
    """With a key of Cal.com's, bookings are compared with what it has; where somebody waits for
    them, notices are sent. `post_to` makes the way to an address."""
    if (key := settings.calcom_api_key) is not None:
        reconcile = Reconcile(
            calcom,
            f"Bearer {key.reveal()}",
            database,
            take_in,
            clock,
            metrics,
            every=settings.reconcile,
            worker=new_key(chance)[:12],
        )
        yield Loop("reconcile", clock, longest=LOOKS_EVERY), reconcile.turn
    url, secret = settings.callback_url, settings.callback_secret
    if url is not None and secret is not None:
        call_back = CallBack(database, post_to(url), secret.reveal(), clock, chance, metrics)
        yield Loop("callback", clock, longest=NET), call_back.turn
