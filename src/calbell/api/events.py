"""`/v1/events`: booking events from any other system, as Cal.com's trigger bodies or in the plain
form."""

import re
from typing import Final

from calbell.api import plain_events
from calbell.api.answers import Answer, Problem, bad_request, conflict, json
from calbell.api.requests import Call
from calbell.api.webhooks import shown
from calbell.calcom.json_fields import parsed
from calbell.flows.hear import Hear, incoming_plain, plain_key, under
from calbell.flows.receive import incoming_webhook
from calbell.flows.surroundings import Clock
from calbell.flows.take_in import Incoming
from calbell.store.events import EventState

PATH: Final = "/v1/events"
KEY: Final = b"idempotency-key"

NO_OBJECT: Final = bad_request("the body must be a JSON object")
NO_KEY: Final = bad_request("Idempotency-Key: it has 1 to 255 characters of ASCII")
OTHER_BODY: Final = conflict("Idempotency-Key: another body came with this key before")

_A_KEY: Final = re.compile(r"[ -~]{1,255}")


class Events:
    """Takes in what makes sense, and says of the rest what is wrong with it."""

    def __init__(self, hear: Hear, clock: Clock) -> None:
        self._hear = hear
        self._clock = clock

    async def take(self, call: Call) -> Answer | Problem:
        """202 after the event and all that follows from it are committed, the same again if it was
        known before; 400 where nothing is kept of it; 409 if its key is another body's."""
        incoming = self._incoming(call)
        if isinstance(incoming, Problem):
            return incoming
        taken = await self._hear.hear(incoming)
        return OTHER_BODY if taken is None else json(202, shown(taken))

    def _incoming(self, call: Call) -> Incoming | Problem:
        chosen, now = call.header(KEY), self._clock()
        if chosen is not None and not _A_KEY.fullmatch(chosen):
            return NO_KEY
        said = parsed(call.body)
        if said is None:
            return NO_OBJECT
        if "triggerEvent" in said:
            incoming = incoming_webhook(call.body, now)
            if incoming.state is EventState.UNREADABLE:
                return bad_request(incoming.reason or "")
            return under(chosen, incoming)
        key = plain_key(call.body, chosen)
        event = plain_events.read(said, key, now)
        return event if isinstance(event, Problem) else incoming_plain(call.body, event, key)
