"""The request limit (cal-api.md section 8)."""

import asyncio
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calbell.api import limits
from calbell.api.gate import address_bucket
from calbell.api.limits import RequestLimit
from calbell.calcom.me import Asked, NotGood
from calbell.config import Settings
from tests.api.desk import APP_PUSH, BOTH, GOOD, NOON, Desk, Said, SilentCalcom

LIMIT = 3


class RefusingCalcom:
    """A Cal.com that knows nobody; how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def me(self, authorization: str) -> Asked:
        self.asked += 1
        await asyncio.sleep(0)
        return NotGood()


MINUTE = timedelta(minutes=1)


def desk() -> Desk:
    return Desk(Settings(rate_limit_api_key=LIMIT))


def told(said: Said) -> tuple[int, str, str, str]:
    """Status, and what the headers say of limit, what remains, and until when."""
    return (
        said.status,
        said.headers["x-ratelimit-limit-default"],
        said.headers["x-ratelimit-remaining-default"],
        said.headers["x-ratelimit-reset-default"],
    )


def has_headers(said: Said) -> bool:
    return any(name.startswith("x-ratelimit") for name in said.headers)


def test_every_answer_says_what_is_left_of_the_window() -> None:
    at = desk()
    key = at.user()
    assert told(at.ask("GET", "/v2/me", key=key)) == (200, "3", "2", "60")
    at.later(seconds=20.5)
    assert told(at.ask("POST", APP_PUSH, {}, key=key)) == (400, "3", "1", "40")
    assert told(at.ask("DELETE", APP_PUSH, {"token": GOOD["token"]}, key=key)) == (
        404,
        "3",
        "0",
        "40",
    )


def test_once_too_often_blocks_for_a_minute_that_asking_does_not_lengthen() -> None:
    at = desk()
    key = at.user()
    for _ in range(LIMIT):
        at.ask("GET", "/v2/me", key=key)
    at.later(seconds=50)
    refused = at.ask("GET", "/v2/me", key=key)
    assert told(refused) == (429, "3", "0", "60")
    words = "CustomThrottlerGuard - Too many requests. Please try again later."
    assert refused.json()["error"] == {
        "code": "ThrottlerException",
        "message": words,
        "details": words,
    }
    assert "retry-after" not in refused.headers
    assert "access-control-expose-headers" not in refused.headers
    at.later(seconds=45)
    assert told(at.ask("GET", "/v2/me", key=key)) == (429, "3", "0", "15")
    at.later(seconds=15)
    assert told(at.ask("GET", "/v2/me", key=key)) == (200, "3", "2", "60")


def test_each_credential_has_a_window_of_its_own() -> None:
    at = desk()
    one, other = at.user(7), at.user(8)
    for _ in range(LIMIT + 1):
        at.ask("GET", "/v2/me", key=one)
    assert at.ask("GET", "/v2/me", key=one).status == 429
    assert told(at.ask("GET", "/v2/me", key=other)) == (200, "3", "2", "60")


def test_without_a_credential_the_address_has_the_window() -> None:
    at = desk()
    for remaining in ("2", "1", "0"):
        assert told(at.ask("GET", "/v2/me", address="192.0.2.9"))[:3] == (401, "3", remaining)
    assert at.ask("GET", "/v2/me", address="192.0.2.9").status == 429
    assert at.ask("GET", "/v2/me", address="192.0.2.8").status == 401


def test_an_unknown_key_is_refused_before_the_limiter_counts_as_at_cal_com() -> None:
    said = desk().ask("GET", "/v2/me", key="cal_nobodys")
    assert said.status == 401
    assert not has_headers(said)


def test_refused_credentials_spend_their_addresss_share_whatever_they_are() -> None:
    at = desk()
    for number in range(LIMIT):
        assert at.ask("GET", "/v2/me", key=f"cal_guess{number}").status == 401
    assert at.ask("GET", "/v2/me", key="cal_one-more").status == 429
    assert at.ask("GET", "/v2/me", key="something else").status == 429
    assert at.ask("GET", "/v2/me", key="cal_guess", address="192.0.2.77").status == 401


def test_who_is_known_gets_in_from_an_address_that_has_spent_its_share() -> None:
    at = desk()
    key = at.user()
    for number in range(LIMIT + 5):
        at.ask("GET", "/v2/me", key=f"cal_guess{number}")
    assert at.ask("GET", "/v2/me", key=key).status == 200


def test_cal_com_is_not_asked_for_an_address_that_has_spent_its_share() -> None:
    calcom = RefusingCalcom()
    at = Desk(Settings(rate_limit_api_key=LIMIT, auth=BOTH), calcom)
    said = [at.ask("GET", "/v2/me", key=f"guess{number}").status for number in range(LIMIT + 3)]
    assert said == [401] * LIMIT + [429] * 3
    assert calcom.asked == LIMIT


def test_asking_all_at_once_does_not_ask_cal_com_more_often() -> None:
    calcom = RefusingCalcom()
    at = Desk(Settings(rate_limit_api_key=LIMIT, auth=BOTH), calcom)
    answers = at.together(*(at.asking("GET", "/v2/me", key=f"guess{n}") for n in range(50)))
    assert calcom.asked == LIMIT
    assert sorted(said.status for said in answers) == [401] * LIMIT + [429] * (50 - LIMIT)


def test_silence_of_cal_coms_spends_nobodys_share() -> None:
    calcom = SilentCalcom()
    at = Desk(Settings(rate_limit_api_key=LIMIT, auth=BOTH), calcom)
    for number in range(LIMIT * 3):
        assert at.ask("GET", "/v2/me", key=f"token{number}").status == 503


def test_many_good_tokens_from_one_address_do_not_shut_each_other_out() -> None:
    at = desk()
    keys = [at.user(id_) for id_ in range(1, 20)]
    for key in keys:
        assert at.ask("GET", "/v2/me", key=key).status == 200


def test_one_key_has_one_window_in_whatever_form_it_is_sent() -> None:
    at = desk()
    key = at.user()
    forms = [key, f"Bearer {key}", key[:6] + "Bearer " + key[6:], key[:9] + "Bearer " + key[9:]]
    said = [at.ask("GET", "/v2/me", headers={"Authorization": form}).status for form in forms]
    assert said == [200] * LIMIT + [429]


def test_a_key_without_its_prefix_opens_nothing_however_lately_it_was_used() -> None:
    at = desk()
    key = at.user()
    assert at.ask("GET", "/v2/me", key=key).status == 200
    said = at.ask("GET", "/v2/me", key=key.removeprefix("cal_"))
    assert (said.status, said.message) == (401, "Invalid Access Token.")


def test_no_number_of_credentials_makes_a_block_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BUCKETS", 10)
    at = desk()
    statuses = [at.ask("GET", "/v2/me", key=f"cal_guess{number}").status for number in range(60)]
    assert statuses == [401] * LIMIT + [429] * (60 - LIMIT)


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/metrics", "/v1/users", "/webhooks/cal", "/nothing"]
)
def test_what_is_not_for_users_has_no_limit(path: str) -> None:
    at = desk()
    for _ in range(LIMIT + 2):
        said = at.ask("GET", path)
        assert said.status != 429
        assert not has_headers(said)


def test_a_path_that_there_is_not_is_404_before_the_limit() -> None:
    at = desk()
    for _ in range(LIMIT + 2):
        said = at.ask("GET", "/v2/nothing")
        assert said.status == 404
        assert not has_headers(said)


def test_zero_is_no_limit() -> None:
    at = Desk(Settings(rate_limit_api_key=0))
    key = at.user()
    for _ in range(300):
        said = at.ask("GET", "/v2/me", key=key)
    assert said.status == 200
    assert not has_headers(said)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 70).map(lambda s: timedelta(seconds=s))),
        max_size=60,
    )
)
def test_windows_and_blocks_are_those_of_a_plain_count(
    steps: list[tuple[str, timedelta]],
) -> None:
    limit, now = RequestLimit(LIMIT), NOON
    spans: dict[str, tuple[int, datetime]] = {}
    for bucket, passed in steps:
        now += passed
        asked, ends_at = spans.get(bucket, (0, NOON))
        if now >= ends_at:
            asked, ends_at = 0, now + MINUTE
        if asked == LIMIT:
            ends_at = now + MINUTE
        asked = min(asked + 1, LIMIT + 1)
        spans[bucket] = asked, ends_at
        blocked = limit.is_blocked(bucket, now)
        allowance = limit.spend(bucket, now)
        assert allowance.is_refused == blocked == (asked > LIMIT)
        assert allowance.remaining == max(LIMIT - asked, 0)
        assert 0 < allowance.reset_seconds <= 60


def test_a_clock_that_is_set_back_makes_no_block_longer() -> None:
    limit = RequestLimit(1)
    limit.spend("a", NOON)
    assert limit.spend("a", NOON).is_refused
    assert not limit.spend("a", NOON - timedelta(hours=1)).is_refused


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BUCKETS", 10)
    limit = RequestLimit(1)
    for number in range(1_000):
        limit.spend(number, NOON)
    assert not limit.spend(0, NOON).is_refused
    assert limit.spend(999, NOON).is_refused
    assert len(limit._spans) == 10


def test_over_ipv6_a_network_has_one_share() -> None:
    assert address_bucket("2001:db8::1") == address_bucket("2001:db8::2:3")
    assert address_bucket("2001:db8::1") != address_bucket("2001:db8:0:1::1")
    assert address_bucket("::ffff:192.0.2.1") == address_bucket("192.0.2.1")
    assert address_bucket("fe80::1%eth0") == address_bucket("fe80::2")
    assert address_bucket("unix:odd") == "unix:odd"
