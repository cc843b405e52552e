"""Who is asking: keys of users (cal-api.md section 3), and operators (interface.md section 3)."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.programs import Reply, until
from tests.acceptance.stand import APP_PUSH, Stand

NOTHING_SENT = (
    "ApiAuthStrategy - No authentication method provided. Either pass an API key as 'Bearer' "
    "header or OAuth client credentials as 'x-cal-secret-key' and 'x-cal-client-id' headers"
)
UNKNOWN_KEY = "CustomThrottlerGuard - Invalid API Key"
EXPIRED_KEY = "ApiAuthStrategy - api key - Your api key is expired"
NO_USERS_KEY = "ApiAuthStrategy - api key - No user tied to this apiKey"
UNKNOWN_TOKEN = "Invalid Access Token."
BODY = {
    "token": "ExponentPushToken[cccccccccccccccccccccc]",
    "platform": "IOS",
    "deviceId": "d1",
}


def knock(stand: Stand, authorization: str | None) -> Reply:
    """The answer to a good registration with this header."""
    headers = {} if authorization is None else {"Authorization": authorization}
    return stand.ask("POST", APP_PUSH, BODY, headers=headers)


def refusal(reply: Reply) -> str:
    """What a 401 says, in both its places."""
    assert reply.status == 401, reply
    assert "www-authenticate" not in reply.headers
    error = reply.json()["error"]
    assert error["code"] == "UnauthorizedException"
    message: str = error["message"]
    assert error["details"] == {"message": message, "error": "Unauthorized", "statusCode": 401}
    return message


@pytest.mark.parametrize(
    ("authorization", "said"),
    [
        (None, NOTHING_SENT),
        ("", NOTHING_SENT),
        ("Bearer cal_0123456789abcdef0123456789abcdef", UNKNOWN_KEY),
        ("Bearer cal_", UNKNOWN_KEY),
        ("cal_live_x", UNKNOWN_KEY),
        ("Bearer not-a-token", UNKNOWN_TOKEN),
        ("Bearer", UNKNOWN_TOKEN),
        ("Basic eA==", UNKNOWN_TOKEN),
    ],
)
def test_whoever_is_unknown_is_401_in_cal_coms_words(
    stand: Stand, authorization: str | None, said: str
) -> None:
    assert refusal(knock(stand, authorization)) == said


def test_with_only_a_client_of_oauth_nothing_was_sent(sqlite_stand: Stand) -> None:
    headers = {"x-cal-client-id": "a", "x-cal-secret-key": "b"}
    assert refusal(sqlite_stand.ask("POST", APP_PUSH, BODY, headers=headers)) == NOTHING_SENT


def test_credentials_are_checked_before_the_body(sqlite_stand: Stand) -> None:
    assert refusal(sqlite_stand.ask("POST", APP_PUSH, {})) == NOTHING_SENT
    assert refusal(sqlite_stand.ask("DELETE", APP_PUSH, {})) == NOTHING_SENT


def test_a_key_is_good_with_bearer_and_without(stand: Stand) -> None:
    user = stand.database.user()
    assert knock(stand, f"Bearer {user.key}").status == 201
    assert knock(stand, user.key).status == 201


def test_bearer_in_lower_case_is_part_of_an_unknown_token(stand: Stand) -> None:
    user = stand.database.user()
    assert refusal(knock(stand, f"bearer {user.key}")) == UNKNOWN_TOKEN
    assert refusal(knock(stand, f"Bearer  {user.key}")) == UNKNOWN_TOKEN


def test_a_key_is_good_through_its_last_day_and_not_after(stand: Stand) -> None:
    user = stand.database.user()
    today = datetime.now(UTC).date()
    last_day = stand.database.key(user.id, expires_on=today)
    day_after = stand.database.key(user.id, expires_on=today - timedelta(days=1))
    assert knock(stand, f"Bearer {last_day}").status == 201
    assert refusal(knock(stand, f"Bearer {day_after}")) == EXPIRED_KEY


def test_a_key_that_was_revoked_is_unknown(stand: Stand) -> None:
    user = stand.database.user()
    stand.database.revoke(user.key)
    assert refusal(knock(stand, f"Bearer {user.key}")) == UNKNOWN_KEY


def test_a_key_in_use_is_unknown_within_seconds_of_being_revoked(sqlite_stand: Stand) -> None:
    user = sqlite_stand.database.user()
    assert knock(sqlite_stand, user.key).status == 201
    sqlite_stand.database.revoke(user.key)
    assert until(
        lambda: reply if (reply := knock(sqlite_stand, user.key)).status == 401 else None,
        "the key to be refused",
        patience_seconds=8,
    )


@pytest.mark.parametrize("role", ["events", "support", "admin"])
def test_an_operators_key_is_no_users(stand: Stand, role: str) -> None:
    key = stand.database.key(role=role)
    assert refusal(knock(stand, f"Bearer {key}")) == NO_USERS_KEY


def test_the_operators_token_is_no_users(sqlite_stand: Stand) -> None:
    assert refusal(knock(sqlite_stand, f"Bearer {sqlite_stand.admin_token}")) == UNKNOWN_TOKEN


def test_a_user_who_was_removed_takes_his_keys_along(sqlite_stand: Stand) -> None:
    user = sqlite_stand.database.user()
    assert sqlite_stand.database.run("users", "remove", str(user.id)).code == 0
    assert refusal(knock(sqlite_stand, f"Bearer {user.key}")) == UNKNOWN_KEY
