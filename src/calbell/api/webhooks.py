"""`/webhooks/cal`: booking events from Cal.com."""

from calbell.api.answers import Answer, Problem, json, unauthorized
from calbell.api.requests import Call
from calbell.flows.receive import Receive
from calbell.flows.take_in import TakenIn

PATH = "/webhooks/cal"
SIGNATURE = b"x-cal-signature-256"
NOT_SIGNED = unauthorized("The webhook is not signed with a secret that is known here.")
NO_SECRET = unauthorized("No webhook secret is configured here: set CALBELL_WEBHOOK_SECRETS.")


class Webhooks:
    """Takes in what is signed."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive

    async def receive(self, call: Call) -> Answer | Problem:
        """200 after the event and all that follows from it are committed; 401 unless signed."""
        taken = await self._receive.receive(call.body, call.header(SIGNATURE))
        if taken is None:
            return NOT_SIGNED if self._receive.knows_secrets else NO_SECRET
        return json(200, shown(taken))


def shown(taken: TakenIn) -> dict[str, object]:
    """What a source is answered when its event is taken in."""
    data = {
        "eventId": taken.event_id,
        "duplicate": taken.duplicate,
        "recipients": taken.recipients,
    }
    return {"status": "success", "data": data}
