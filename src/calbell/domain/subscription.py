"""A subscription: one user's push token, as the API calls it; one phone."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct


class Platform(StrEnum):
    """The two kinds of phones, as the API names them."""

    IOS = "IOS"
    ANDROID = "ANDROID"


class Registration(Struct, frozen=True):
    """A user's wish to be rung on a phone."""

    user_id: int
    token: str
    platform: Platform
    device_id: str


class Subscription(Struct, frozen=True):
    """A registration that is kept. The token is not here: who asks has it."""

    id: int
    user_id: int
    platform: Platform
    device_id: str
    created_at: datetime
    updated_at: datetime


class SubscribedPhone(Struct, frozen=True):
    """One subscription of one user, as it looks when deliveries are made for it.

    `owner_user_id` is who registered the token last, if he has not removed it since.
    """

    subscription_id: int
    user_id: int
    phone_id: int
    platform: Platform
    project_id: int
    owner_user_id: int | None
    is_dead: bool
