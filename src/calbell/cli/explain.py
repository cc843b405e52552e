"""`calbell explain`."""

from datetime import timedelta

from calbell.cli.context import database, settings
from calbell.cli.failures import Failure
from calbell.cli.output import out
from calbell.cli.spans import Span
from calbell.flows import explain as explaining
from calbell.flows.clocks import system_clock
from calbell.flows.explain import NoSuchUser


def explain(*, user: int, uid: str | None = None, since: Span = timedelta(days=1)) -> int:
    """Why a user was told, or not: each phone, and each thing that was to be said, in words.

    Nothing of what bookings say is shown, and no name or address.

    Parameters
    ----------
    user
        The user's id at Cal.com.
    uid
        Only about this booking.
    since
        How far back: 90s, 30m, 12h, 1d.
    """
    now = system_clock()
    with database(settings()) as units:
        try:
            found = units.run(explaining.explain, user, uid, now - since, now)
        except NoSuchUser as error:
            raise Failure(str(error)) from None
    for line in found.general:
        out(line)
    for headline, lines in found.notifications:
        out("")
        out(headline)
        for line in lines:
            out(f"    {line}")
    return 0
