"""Rows of another system's token table."""

from datetime import UTC, datetime, timedelta

import pytest

from calbell.domain.brought import Brought, WrongHeader, columns_of, read_row
from calbell.domain.subscription import Platform

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
FILE_AT = NOW - timedelta(hours=1)
HEADER = "user_id,token,platform,device_id,email,name,time_zone,created_at,updated_at"
TOKEN = "ExponentPushToken[a]"


def row(said: str, header: str = HEADER) -> Brought | str:
    return read_row(columns_of(header.split(",")), said.split(","), FILE_AT, NOW)


def good(said: str, header: str = HEADER) -> Brought:
    brought = row(said, header)
    assert isinstance(brought, Brought), brought
    return brought


def test_a_row_becomes_a_device_of_its_user() -> None:
    device = good(f"7,{TOKEN},IOS,d1,,,,2026-01-02T03:04:05.678Z,").device
    assert (device.user_id, device.token, device.platform, device.device_id) == (
        7, TOKEN, Platform.IOS, "d1",
    )  # fmt: skip
    assert device.created_at == datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert device.phone.registered_at == device.updated_at == device.created_at
    assert device.phone.owner_user_id == 7
    assert (device.id, device.is_dated) == (None, True)


def test_the_columns_of_cal_coms_own_rows_are_known() -> None:
    header = "id,userId,type,identifier,platform,deviceId,createdAt,updatedAt"
    said = f"3,7,APP_PUSH,{TOKEN},ANDROID,d1,2026-01-02 03:04:05.678,2026-01-03 00:00:00"
    device = good(said, header).device
    assert (device.user_id, device.token, device.id) == (7, TOKEN, None)
    assert device.updated_at == device.phone.registered_at == datetime(2026, 1, 3, tzinfo=UTC)


def test_without_a_time_a_row_is_as_old_as_the_file() -> None:
    device = good(f"7,{TOKEN},ios,d1", "user_id,token,platform,device_id").device
    assert (device.created_at, device.is_dated) == (FILE_AT, False)


def test_no_time_is_later_than_now() -> None:
    device = good(f"7,{TOKEN},IOS,d1,,,,2099-01-01,2099-01-02").device
    assert device.created_at == device.updated_at == NOW


def test_with_an_address_a_row_says_who_its_user_is() -> None:
    user = good(f"7,{TOKEN},IOS,d1,Ada@Example.com,Ada,Europe/Berlin,,").user
    assert user is not None
    assert (user.id, user.addresses, user.name, user.time_zone) == (
        7, ("ada@example.com",), "Ada", "Europe/Berlin",
    )  # fmt: skip
    assert good(f"7,{TOKEN},IOS,d1,,Ada,,,").user is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (f"x,{TOKEN},IOS,d1", "user_id is not a positive number"),
        (f"0,{TOKEN},IOS,d1", "user_id is not a positive number"),
        (f"9223372036854775808,{TOKEN},IOS,d1", "user_id is not a positive number"),
        (f"{'9' * 5000},{TOKEN},IOS,d1", "user_id is not a positive number"),
        ("7,fcm-token,IOS,d1", "token is not an Expo push token"),
        (f"7,{TOKEN},WEB,d1", "platform is neither IOS nor ANDROID"),
        (f"7,{TOKEN},IOS", "fewer columns"),
        (f"7,{TOKEN},IOS,d1,nobody", "email is not an address"),
        (f"7,{TOKEN},IOS,d1,a@example.com,,Mars/Base", "time_zone"),
        (f"7,{TOKEN},IOS,d1,,,,yesterday", "is not a time"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why_and_repeats_nothing(said: str, why: str) -> None:
    found = row(said)
    assert isinstance(found, str)
    assert why in found
    assert "fcm" not in found


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("user_id,token,platform", "no column device_id"),
        ("a;b;c", "no column user_id, token, platform, device_id"),
        ("user_id,token,identifier,platform,device_id", "two columns for token"),
    ],
)
def test_a_header_that_will_not_do_says_what_it_lacks(header: str, why: str) -> None:
    with pytest.raises(WrongHeader, match=why):
        columns_of(header.split(","))
