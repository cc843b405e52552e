"""Forms: what a browser posts, and whether one of our own pages made it do so."""

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

LONGEST_FORM = 16 * 1024
MOST_FIELDS = 16


async def read_form(request: Request) -> dict[str, str]:
    """The fields of the form; of one that came twice, the last.

    Raises `HTTPException` with a status of 4xx for anything that none of our forms would send.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise HTTPException(415, "This is not what a form of these pages sends.")
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > LONGEST_FORM:
                raise HTTPException(413, "This is more than a form of these pages holds.")
    except ClientDisconnect:
        raise HTTPException(400, "The form did not arrive whole.") from None
    try:
        # Latin-1 takes any byte, and what percent-encoding hides is replaced where it is no UTF-8.
        return dict(
            parse_qsl(
                body.decode("latin-1"),
                keep_blank_values=True,
                errors="replace",
                max_num_fields=MOST_FIELDS,
            )
        )
    except ValueError:
        raise HTTPException(400, "This form has too many fields.") from None


def is_from_here(request: Request) -> bool:
    """Whether the browser says that a page of this very site posts; a program says nothing.

    Only the hosts are compared: behind a proxy the scheme may not be known here.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin is None:
        return True
    return origin.partition("://")[2].lower() == request.headers.get("host", "").lower()
