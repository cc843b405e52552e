"""The client of the Expo Push Service: messages in, outcomes out."""

import zlib
from collections.abc import Sequence
from typing import Final

from calbell.domain.outcomes import (
    AllLater,
    AllUnclear,
    Answer,
    NoReceipts,
    Receipts,
    ReceiptsAnswer,
    Tickets,
)
from calbell.expo.answers import as_asked, read_receipts, read_send
from calbell.expo.messages import MOST_RECEIPTS, MOST_RECIPIENTS, PushMessage, encode
from calbell.expo.transport import AnswerLost, NotTransmitted, Reply, Transport

SEND_PATH: Final = "/--/api/v2/push/send"
RECEIPTS_PATH: Final = "/--/api/v2/push/getReceipts"
"""expo-push.md section 2."""

NOT_TRANSMITTED: Final = "NOT_TRANSMITTED"
"""The code of a request of which nothing left."""

WORTH_PACKING: Final = 1024
"""Bytes of a body over which it is sent as gzip, as Expo's own client does."""

_GZIP = 16 + zlib.MAX_WBITS
_FASTEST = 1


class ExpoClient:
    """Speaks with Expo over a transport. The access token goes nowhere but into the header, and a
    request names one Expo project's phones (expo-push.md section 4)."""

    def __init__(self, transport: Transport, access_token: str | None) -> None:
        self._transport = transport
        self._headers = {"accept": "application/json", "content-type": "application/json"}
        if access_token is not None:
            self._headers["authorization"] = f"Bearer {access_token}"

    async def send(self, messages: Sequence[PushMessage]) -> Answer:
        """The messages were offered to Expo in one request, once; the answer says what came of it,
        whatever happened outside. For more than `MOST_RECIPIENTS` a `ValueError` is raised."""
        if len(messages) > MOST_RECIPIENTS:
            raise ValueError(f"{len(messages)} messages in one request to Expo")
        if not messages:
            return Tickets(())
        try:
            reply = await self._post(SEND_PATH, encode(list(messages)))
        except NotTransmitted:
            return AllLater(NOT_TRANSMITTED)
        except AnswerLost:
            return AllUnclear("ANSWER_LOST")
        return read_send(reply, [message.to for message in messages])

    async def receipts(self, ticket_ids: Sequence[str]) -> ReceiptsAnswer:
        """The receipts that Expo has of these tickets; asking does not consume them. For more than
        `MOST_RECEIPTS` a `ValueError` is raised."""
        if len(ticket_ids) > MOST_RECEIPTS:
            raise ValueError(f"{len(ticket_ids)} ticket ids in one request to Expo")
        if not ticket_ids:
            return Receipts({})
        try:
            reply = await self._post(RECEIPTS_PATH, encode({"ids": list(ticket_ids)}))
        except NotTransmitted:
            return NoReceipts(NOT_TRANSMITTED)
        except AnswerLost:
            return NoReceipts("ANSWER_LOST")
        answer = read_receipts(reply)
        return as_asked(answer, ticket_ids) if isinstance(answer, Receipts) else answer

    async def _post(self, path: str, body: bytes) -> Reply:
        if len(body) <= WORTH_PACKING:
            return await self._transport.post(path, body, self._headers)
        packed = zlib.compress(body, _FASTEST, _GZIP)
        headers = {**self._headers, "content-encoding": "gzip"}
        return await self._transport.post(path, packed, headers)
