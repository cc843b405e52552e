"""Credentials: who is asking. A credential that is not good is always 401."""

import hmac
from collections.abc import Sequence
from typing import TypeAlias, assert_never

from msgspec import Struct

from calbell.api.answers import Problem, forbidden, problem, unauthorized
from calbell.api.key_ring import KeyRing
from calbell.api.requests import Call
from calbell.calcom.me import CalcomUser, CannotTell, NotGood, TokenExpired
from calbell.config import AuthMethod
from calbell.flows.grant import KEY_PREFIX
from calbell.flows.identify import Identified, Identify, NotAsked

NOTHING_SENT = unauthorized(
    "ApiAuthStrategy - No authentication method provided. Either pass an API key as 'Bearer' "
    "header or OAuth client credentials as 'x-cal-secret-key' and 'x-cal-client-id' headers"
)
UNKNOWN_KEY = unauthorized("CustomThrottlerGuard - Invalid API Key")
EXPIRED_KEY = unauthorized("ApiAuthStrategy - api key - Your api key is expired")
NO_USERS_KEY = unauthorized("ApiAuthStrategy - api key - No user tied to this apiKey")
USER_IS_GONE = unauthorized(
    "ApiAuthStrategy - bearer token - No user associated with the provided token"
)
UNKNOWN_TOKEN = unauthorized("Invalid Access Token.")
EXPIRED_TOKEN = Problem(
    498, "TokenExpiredException", "ACCESS_TOKEN_IS_EXPIRED", "ACCESS_TOKEN_IS_EXPIRED"
)
CALCOM_IS_SILENT = problem(
    503,
    "ServiceUnavailableException",
    "Service Unavailable",
    "Cal.com does not say now whose token this is, please try again later.",
)
NO_OPERATOR_TOKEN = unauthorized("An operator's token is needed.")
NO_OPERATOR = forbidden(
    "No operator's token is configured here: set CALBELL_ADMIN_TOKEN or create an operator's key."
)


class Caller(Struct, frozen=True):
    """The user who asks; `calcom_user` is how Cal.com describes him, where it was asked."""

    user_id: int
    calcom_user: CalcomUser | None = None
    may_register: bool = True


class Unasked(Struct, frozen=True):
    """Nobody here knows the credential, and Cal.com was not to be asked."""


class Operator(Struct, frozen=True):
    """An operator who may do what was asked."""


Known: TypeAlias = Caller | Problem | Unasked


class Credentials:
    """Tells callers by the methods that are switched on, in their order, and operators by their
    token and keys."""

    def __init__(
        self,
        keys: KeyRing,
        identify: Identify,
        methods: Sequence[AuthMethod],
        admin_token: str | None,
    ) -> None:
        self._keys = keys
        self._identify = identify
        self._methods = methods
        self._admin_token = admin_token

    def at_hand(self, call: Call) -> Caller | None:
        """The user whose key was found good a moment ago, where keys are tried first: nobody has to
        be asked."""
        if self._methods[0] is not AuthMethod.KEYS:
            return None
        key = self._keys.at_hand(sent(call))
        if key is None or key.user_id is None or not self._keys.is_good(key):
            return None
        return Caller(key.user_id)

    async def user(self, call: Call, *, may_ask: bool) -> Known:
        """The user whose credential was sent, or why there is none (cal-api.md section 3).

        `may_ask` lets Cal.com be asked for a credential that nobody here knows.
        """
        credential = sent(call)
        if not credential:
            return NOTHING_SENT
        unknown = UNKNOWN_KEY if credential.startswith(KEY_PREFIX) else UNKNOWN_TOKEN
        if self._is_admin_token(credential):
            return unknown
        unsure: Known | None = None
        for method in self._methods:
            found = await self._by(method, call, credential, may_ask=may_ask)
            if found is CALCOM_IS_SILENT or isinstance(found, Unasked):
                unsure = found
            elif found is not None:
                return found
        return unsure or unknown

    async def operator(self, call: Call, roles: Sequence[str]) -> Operator | Problem:
        """Whether the caller holds the operator's token, or a good key of one of these roles."""
        credential = sent(call)
        if self._is_admin_token(credential):
            return Operator()
        if credential.startswith(KEY_PREFIX):
            key = await self._keys.find(credential)
            if key is not None and key.role in roles and self._keys.is_good(key):
                return Operator()
        is_closed = self._admin_token is None and not await self._keys.knows_operators()
        return NO_OPERATOR if is_closed else NO_OPERATOR_TOKEN

    def _is_admin_token(self, credential: str) -> bool:
        token = self._admin_token
        return token is not None and hmac.compare_digest(credential.encode(), token.encode())

    async def _by(
        self, method: AuthMethod, call: Call, credential: str, *, may_ask: bool
    ) -> Known | None:
        match method:
            case AuthMethod.KEYS:
                return await self._by_key(credential)
            case AuthMethod.CALCOM:
                if await self._is_secret_here(credential):
                    return None
                return await self._by_calcom(call, may_ask=may_ask)
            case _:
                assert_never(method)

    async def _is_secret_here(self, credential: str) -> bool:
        """Whether an operator's credential was sent, in whatever form: Cal.com must not see it."""
        if self._admin_token is not None and self._admin_token in credential:
            return True
        if not credential.startswith(KEY_PREFIX):
            return False
        key = await self._keys.find(credential)
        return key is not None and key.role is not None

    async def _by_key(self, sent: str) -> Caller | Problem | None:
        """`None`: it is no key of this service."""
        if not sent.startswith(KEY_PREFIX):
            return None
        key = await self._keys.find(sent)
        if key is None:
            return None
        if key.is_revoked:
            return UNKNOWN_KEY
        if self._keys.is_expired(key):
            return EXPIRED_KEY
        return NO_USERS_KEY if key.user_id is None else Caller(key.user_id)

    async def _by_calcom(self, call: Call, *, may_ask: bool) -> Known | None:
        """`None`: Cal.com does not take it."""
        authorization = call.header(b"authorization") or ""
        identity = await self._identify.whose(authorization, may_ask=may_ask)
        match identity:
            case Identified(user, may_register):
                return Caller(user.id, user, may_register)
            case NotGood():
                return None
            case TokenExpired():
                return EXPIRED_TOKEN
            case CannotTell():
                return CALCOM_IS_SILENT
            case NotAsked():
                return Unasked()
            case _:
                assert_never(identity)


def sent(call: Call) -> str:
    """The first literal `Bearer ` is removed; nothing else is trimmed or folded."""
    return (call.header(b"authorization") or "").replace("Bearer ", "", 1)
