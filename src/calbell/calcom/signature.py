"""Signatures of webhooks: a body is genuine if it is signed with a secret that we share."""

import hmac
import re
from collections.abc import Iterable
from typing import Final

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


def sign(body: bytes, secret: str) -> str:
    """The value of `X-Cal-Signature-256` for the body: HMAC-SHA256 in lower-case hex."""
    # A secret that is no proper text signs nothing genuine, but it must not raise for others.
    return hmac.digest(secret.encode(errors="surrogatepass"), body, "sha256").hex()


def is_signed(body: bytes, signature: str | None, secrets: Iterable[str]) -> bool:
    """Whether the signature is that of exactly these bytes under any of the secrets.

    Every secret is compared, in constant time, so that the time taken does not say which one
    matched. An empty secret never matches. Cal.com signs what has no secret with the words
    `no-secret-provided`; like all that is no digest they are refused.
    """
    if signature is None or _DIGEST.fullmatch(signature) is None:
        return False
    matched = False
    for secret in secrets:
        if secret:
            matched |= hmac.compare_digest(sign(body, secret), signature)
    return matched
