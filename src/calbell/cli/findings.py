"""Findings: what an installation shows, judged; and what to do about it.

Pure: what was measured and read is given. Nothing here ever holds a secret.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from msgspec import Struct

from calbell.calcom.http import Answer, Answered
from calbell.calcom.json_fields import NO_FIELDS, fields, parsed
from calbell.calcom.registered import ScopeKind, date_of
from calbell.config import Admit, AuthMethod, Settings
from calbell.domain.holds import Held
from calbell.expo.words import in_words
from calbell.flows import words
from calbell.flows.trouble import SILENT_FOR, TOO_LONG
from calbell.store.events import NotedRefusal
from calbell.store.sources import Source
from calbell.store.sweeps import Sweep
from calbell.store.upkeep import Depth

CLOCK_WARNING = timedelta(seconds=5)
CLOCK_WRONG = timedelta(seconds=60)
"""News and reminders carry times, and signatures of others may have an age."""

SLOW = timedelta(milliseconds=50)
VERY_SLOW = timedelta(milliseconds=500)
"""What a small unit of work takes: on a machine at rest it is well under five milliseconds."""

RECENT = timedelta(days=1)
HOSTED = ("api.cal.com", "api.cal.eu")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


class Finding(Struct, frozen=True):
    """One thing that was looked at: what was found, and what to do unless it is fine."""

    check: str
    state: State
    said: str
    remedy: str = ""


def fine(check: str, said: str) -> Finding:
    return Finding(check, State.OK, said)


def doubtful(check: str, said: str, remedy: str) -> Finding:
    return Finding(check, State.WARNING, said, remedy)


def wrong(check: str, said: str, remedy: str) -> Finding:
    return Finding(check, State.WRONG, said, remedy)


def of_settings(settings: Settings) -> Iterator[Finding]:
    """What the settings alone show."""
    host = urlsplit(settings.calcom_api_url).hostname or ""
    if AuthMethod.CALCOM in settings.auth and settings.admit is Admit.ANY and host in HOSTED:
        yield doubtful(
            "admission",
            "everybody with an account at Cal.com may register here",
            "set CALBELL_ADMIT to known or org:<id>",
        )
    else:
        yield fine("admission", "only users who are known or meant to be may register")
    if settings.metrics_open:
        yield doubtful(
            "metrics",
            "anybody who reaches the service may read them",
            "set CALBELL_METRICS_OPEN=false, or let the proxy keep /metrics in",
        )
    else:
        yield fine("metrics", "only an operator's token or key opens them")
    yield _console(settings)


def _console(settings: Settings) -> Finding:
    if settings.admin_token is None:
        return fine("console", "closed: there is no CALBELL_ADMIN_TOKEN")
    url = urlsplit(settings.public_url or "")
    if url.scheme == "http" and url.hostname not in LOOPBACK:
        return doubtful(
            "console",
            "the operator's token goes over http, which anybody on the way can read",
            "put TLS before the service and make CALBELL_PUBLIC_URL an https:// address",
        )
    return fine("console", "the operator's token opens it")


def of_public_url(settings: Settings, answer: Answer | None) -> Finding:
    """Whether others reach this service where they are told to."""
    check, url = "public URL", settings.public_url
    if url is None or answer is None:
        return doubtful(check, "not set", "set CALBELL_PUBLIC_URL: calbell connect needs it")
    remedy = (
        "start calbell serve, see that CALBELL_PUBLIC_URL leads to it through proxy and firewall"
    )
    if not isinstance(answer, Answered):
        return wrong(check, f"{url} does not answer: {answer.reason}", remedy)
    said = parsed(answer.body) or NO_FIELDS
    if answer.status == 503 and said.get("status") == "unavailable":
        reason = str(said.get("reason"))
        return wrong(check, f"{url} is not ready: {reason}", "mend what it says")
    if answer.status != 200 or said.get("status") != "ok":
        return wrong(check, f"something else answers at {url} (status {answer.status})", remedy)
    return fine(check, f"{url} answers and is ready")


def of_calcom(url: str, answer: Answer, *, has_key: bool) -> Finding:
    """Whether a Cal.com instance is where it should be, and takes the key. Without a key it has to
    refuse in its own way."""
    check = "Cal.com"
    remedy = "set CALBELL_CALCOM_API_URL to the API v2 of your instance, such as https://…/v2"
    if not isinstance(answer, Answered):
        return wrong(check, f"{url} does not answer: {answer.reason}", remedy)
    said = parsed(answer.body) or NO_FIELDS
    if answer.status == 200 and fields(said.get("data")) is not None:
        return fine(check, f"{url} answers and takes CALBELL_CALCOM_API_KEY")
    if answer.status in (401, 403) and fields(said.get("error")) is not None:
        if not has_key:
            return fine(check, f"{url} answers")
        return wrong(
            check,
            f"{url} does not take CALBELL_CALCOM_API_KEY",
            "make a new API key in Cal.com's settings",
        )
    if answer.status == 429 or answer.status >= 500:
        return doubtful(check, f"{url} answers with status {answer.status}", "try again later")
    return wrong(check, f"{url} is no API v2 of Cal.com (status {answer.status})", remedy)


def of_expo(url: str, status: int | None, *, has_token: bool) -> Finding:
    """Whether Expo is reached and takes the access token; `None`: it did not answer."""
    check = "Expo"
    if status is None:
        return wrong(
            check, f"{url} does not answer", "let this machine reach it; see CALBELL_EXPO_BASE_URL"
        )
    if status in (401, 403):
        return wrong(
            check,
            f"{url} refuses the access token (status {status})"
            if has_token
            else f"{url} wants an access token (status {status})",
            "make a new access token at expo.dev and set CALBELL_EXPO_ACCESS_TOKEN",
        )
    if status == 429 or status >= 500:
        return doubtful(check, f"{url} answers with status {status}", "nothing: it is tried again")
    if status != 200:
        return wrong(
            check, f"{url} is no Expo Push Service (status {status})", "mend CALBELL_EXPO_BASE_URL"
        )
    with_token = ", with the access token" if has_token else ""
    return fine(check, f"{url} answers{with_token}")


def of_clock(whose: str, ahead: timedelta | None) -> Finding | None:
    """How far this machine's clock is ahead of another one; `None`: that one shows no time."""
    if ahead is None:
        return None
    check, off = f"clock ({whose})", abs(ahead)
    said = f"{off.total_seconds():.1f} s {'ahead' if ahead > timedelta() else 'behind'}"
    remedy = "let this machine's clock be set by NTP (timedatectl set-ntp true)"
    if off >= CLOCK_WRONG:
        return wrong(check, said, remedy)
    if off >= CLOCK_WARNING:
        return doubtful(check, said, remedy)
    return fine(check, "agrees")


def ahead_of(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How far we are ahead of the `Date` of an answer, which has whole seconds."""
    said = date_of(headers)
    if said is None:
        return None
    ahead = now - said
    return max(ahead - timedelta(seconds=1), timedelta()) if ahead > timedelta() else ahead


def of_database(
    name: str, took: timedelta, switched_off: Sequence[tuple[str, str]]
) -> Iterator[Finding]:
    """How long a small unit of work took, and what the database does not promise."""
    ms = took.total_seconds() * 1000
    remedy = "look for other load on its disk, and for what lies between it and this machine"
    if took >= VERY_SLOW:
        yield wrong("database", f"{name}: a unit of work takes {ms:.0f} ms", remedy)
    elif took >= SLOW:
        yield doubtful("database", f"{name}: a unit of work takes {ms:.0f} ms", remedy)
    else:
        yield fine("database", f"{name}: up to date, {ms:.1f} ms for a unit of work")
    for setting, what_to_do in switched_off:
        yield wrong("durability", f"{setting} is off", what_to_do)


def of_queue(depth: Depth, now: datetime) -> Finding:
    """Whether anybody delivers."""
    waited = now - depth.oldest_due_at if depth.oldest_due_at else timedelta()
    if waited < TOO_LONG:
        return fine("delivery", f"{depth.due} due")
    return wrong(
        "delivery",
        f"{depth.due} due, the oldest for {waited.total_seconds() / 60:.0f} minutes",
        "start calbell serve or calbell worker; see what is held, and calbell status",
    )


def of_holds(held: Iterable[Held]) -> Iterator[Finding]:
    """Credentials that are broken, with all that waits for them."""
    none = True
    for one in held:
        none = False
        remedy = (
            "mend CALBELL_EXPO_ACCESS_TOKEN"
            if one.is_for_access_token
            else "mend the app's push credentials at Expo (eas credentials); what waits goes then"
        )
        said = f"{words.held_back(one)}: {in_words(one.code)}, since {one.since:%Y-%m-%d %H:%M} UTC"
        yield wrong("credentials", said, remedy)
    if none:
        yield fine("credentials", "nothing is held")


_REFUSED = {
    "bad_signature": "the secret at Cal.com is another one than here: run calbell connect, or mend "
    "CALBELL_WEBHOOK_SECRETS",
    "no_signature": "the webhook at Cal.com has no secret: run calbell connect",
    "no_secret_configured": "run calbell connect, or set CALBELL_WEBHOOK_SECRETS",
    "unknown_source": "a webhook at Cal.com leads to a path that is not known here: run calbell "
    "connect, and delete the old webhook there",
}


def of_refusals(refusals: Iterable[NotedRefusal], now: datetime) -> Iterator[Finding]:
    """Webhooks that were refused in the last day, by reason."""
    counted = Counter(one.reason for one in refusals if one.at > now - RECENT)
    for reason, number in sorted(counted.items()):
        said = f"{number} refused since yesterday: {reason}"
        yield doubtful("refusals", said, _REFUSED.get(reason, "see the log"))
    if not counted:
        yield fine("refusals", "no webhook was refused since yesterday")


def of_sources(
    settings: Settings, sources: Sequence[Source], last_event_at: datetime | None, now: datetime
) -> Iterator[Finding]:
    """Whether webhooks exist, tell of all that matters, and are heard."""
    check, by_hand = "webhooks", bool(settings.webhook_secrets)
    if not sources and not by_hand:
        yield wrong(check, "none can be heard", "run calbell connect")
        return
    if last_event_at is None:
        yield doubtful(check, "none was ever heard", 'press "Ping test" at Cal.com, or book')
    elif last_event_at < now - SILENT_FOR:
        yield doubtful(
            check,
            f"the last one came {(now - last_event_at).days} days ago",
            "see that the webhook at Cal.com is switched on: run calbell connect",
        )
    else:
        yield fine(check, f"the last one came {last_event_at:%Y-%m-%d %H:%M} UTC")
    for source in sources:
        if source.scope != ScopeKind.USER and source.last_event_at is None:
            yield doubtful(
                check, f"that of {source.scope} was never heard", 'press "Ping test" at Cal.com'
            )
    kinds = {source.scope.partition(":")[0] for source in sources}
    if kinds and not by_hand and kinds <= {ScopeKind.USER}:
        yield doubtful(
            check,
            "users' own webhooks alone: team events are not heard",
            "calbell connect --organization ID, or --manual for all of an instance",
        )


def of_sweep(settings: Settings, sweep: Sweep, repaired: int, now: datetime) -> Iterator[Finding]:
    """Whether bookings are compared with Cal.com's, and what that says of the webhooks."""
    check = "reconciling"
    if settings.calcom_api_key is None:
        yield fine(check, "off: there is no CALBELL_CALCOM_API_KEY")
        return
    if sweep.failure is not None:
        yield wrong(check, f"failed: {sweep.failure}", "mend what it says of Cal.com")
    elif (
        sweep.finished_at is None or now - sweep.finished_at > 3 * settings.reconcile + RECENT / 24
    ):
        yield doubtful(
            check, "not done for a while", "start calbell serve or calbell worker with this key"
        )
    else:
        yield fine(check, f"{sweep.sees}, last {sweep.finished_at:%Y-%m-%d %H:%M} UTC")
    if repaired:
        yield doubtful(
            "lost webhooks",
            f"{repaired} changes since yesterday came by comparing alone",
            "few, after an outage, are nothing; else connect more: see calbell connect --help",
        )
