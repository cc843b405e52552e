"""What tickets and receipts show about an app's credentials, and what a hold covers."""

from datetime import UTC, datetime, timedelta

import pytest

from calbell.domain.holds import (
    EVERY_PROJECT,
    Evidence,
    Hold,
    Scope,
    ShownBy,
    evidence,
    holding,
    silent,
)
from calbell.domain.outcomes import Accepted, Gone, Later, Refused, Ticket
from calbell.domain.subscription import Platform

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
IPHONES, ANDROIDS = (Scope(1, platform, ShownBy.TICKET) for platform in Platform)
OK, NO_KEY, OTHER_SENDER = Accepted("t"), Later("InvalidCredentials"), Refused("MismatchSenderId")


def shown(*said: tuple[Platform, Ticket]) -> list[Evidence]:
    return list(evidence(((1, platform, NOW, ticket) for platform, ticket in said), ShownBy.TICKET))


@pytest.mark.parametrize(
    ("tickets", "code"),
    [
        ([NO_KEY], "InvalidCredentials"),
        ([Later("InvalidProviderToken")], "InvalidProviderToken"),
        ([OTHER_SENDER, OTHER_SENDER], "MismatchSenderId"),
        ([Refused("MismatchSenderId:SENDER_ID_MISMATCH"), OTHER_SENDER], "MismatchSenderId"),
        ([NO_KEY, Gone("DeviceNotRegistered")], "InvalidCredentials"),
    ],
)
def test_codes_that_speak_of_the_app_show_broken_credentials(
    tickets: list[Ticket], code: str
) -> None:
    assert shown(*((Platform.IOS, ticket) for ticket in tickets)) == [Evidence(IPHONES, NOW, code)]


@pytest.mark.parametrize(
    "tickets", [[OTHER_SENDER], [Gone("DeviceNotRegistered")], [Refused("MessageTooBig")], []]
)
def test_what_speaks_of_a_phone_shows_nothing(tickets: list[Ticket]) -> None:
    assert shown(*((Platform.IOS, ticket) for ticket in tickets)) == []


@pytest.mark.parametrize(
    ("tickets", "is_silent"),
    [
        ([Gone("DeviceNotRegistered")], True),
        ([Gone("DeviceNotRegistered"), NO_KEY], False),
        ([Gone("DeviceNotRegistered"), OTHER_SENDER], False),
        ([OK, Gone("DeviceNotRegistered")], False),
        ([], False),
    ],
)
def test_phones_that_are_gone_show_nothing_at_all(tickets: list[Ticket], is_silent: bool) -> None:
    said = [(1, Platform.IOS, ticket) for ticket in tickets]
    assert list(silent([*said, (2, Platform.IOS, OK)])) == [(1, Platform.IOS)] * is_silent


def test_where_one_went_well_the_credentials_are_good() -> None:
    assert shown((Platform.IOS, NO_KEY), (Platform.IOS, OK)) == [Evidence(IPHONES, NOW, None)]


def test_each_platform_stands_for_itself() -> None:
    assert shown((Platform.IOS, NO_KEY), (Platform.ANDROID, OK)) == [
        Evidence(IPHONES, NOW, "InvalidCredentials"),
        Evidence(ANDROIDS, NOW, None),
    ]


def hold(scope: Scope, *, lifted: bool = False) -> Hold:
    return Hold(
        scope=scope,
        code="X",
        since=NOW,
        bad_at=NOW,
        good_at=NOW + timedelta(seconds=1) if lifted else None,
        probe_at=NOW,
        probes=0,
    )


def test_a_hold_covers_its_project_and_platform() -> None:
    of_iphones = hold(IPHONES)
    assert holding([of_iphones], 1, Platform.IOS) is of_iphones
    assert holding([of_iphones], 1, Platform.ANDROID) is None
    assert holding([of_iphones], 2, Platform.IOS) is None
    assert holding([hold(IPHONES, lifted=True)], 1, Platform.IOS) is None


def test_the_widest_of_several_holds_counts_first() -> None:
    every = hold(Scope(EVERY_PROJECT, None, ShownBy.REQUEST))
    project = hold(Scope(1, None, ShownBy.REQUEST))
    of_iphones = hold(IPHONES)
    assert holding([of_iphones, project, every], 1, Platform.IOS) is every
    assert every.is_wider_than(project)
    assert project.is_wider_than(of_iphones)
    assert every.is_wider_than(of_iphones)
    assert not of_iphones.is_wider_than(hold(Scope(1, Platform.IOS, ShownBy.RECEIPT)))
    assert not project.is_wider_than(every)
    assert not hold(Scope(2, None, ShownBy.REQUEST)).is_wider_than(of_iphones)
