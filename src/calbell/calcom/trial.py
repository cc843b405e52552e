"""A trial: the webhook that Cal.com's test button sends, sent by ourselves to our own address."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

import aiohttp
import msgspec

from calbell.calcom.http import Answer, Answered, NoAnswer
from calbell.calcom.signature import sign

TIMEOUT: Final = timedelta(seconds=10)
MOST_ANSWER_BYTES: Final = 64 * 1024


async def try_address(url: str, secret: str | None, now: datetime) -> Answer:
    """What answers at `url`: to a PING that is signed with the secret, or, where none is given, to
    a plain question."""
    try:
        async with (
            asyncio.timeout(TIMEOUT.total_seconds()),
            aiohttp.ClientSession(headers={"user-agent": "calbell"}) as session,
        ):
            if secret is None:
                asking = session.get(url, allow_redirects=False)
            else:
                body = _ping(now)
                headers = {
                    "content-type": "application/json",
                    "x-cal-signature-256": sign(body, secret),
                }
                asking = session.post(url, data=body, headers=headers, allow_redirects=False)
            async with asking as response:
                told = {name.lower(): value for name, value in response.headers.items()}
                body = await response.content.read(MOST_ANSWER_BYTES)
                return Answered(response.status, told, body)
    except TimeoutError:
        return NoAnswer("timeout")
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        return NoAnswer(f"no connection ({type(error).__name__})")


def _ping(now: datetime) -> bytes:
    sent_at = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    payload = {"type": "Test", "title": "calbell connect", "startTime": sent_at, "endTime": sent_at}
    return msgspec.json.encode({"triggerEvent": "PING", "createdAt": sent_at, "payload": payload})
