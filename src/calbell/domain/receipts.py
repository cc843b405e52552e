"""Receipts: what they are to a delivery, and the word for what they say."""

from typing import assert_never

from calbell.domain.delivery import DeliveryFact
from calbell.domain.outcomes import Delivered, Gone, Later, Missing, Receipt, Refused


def fact_of(receipt: Receipt) -> DeliveryFact:
    """What happened to the delivery."""
    match receipt:
        case Delivered():
            return DeliveryFact.RECEIPT_OK
        case Gone():
            return DeliveryFact.RECEIPT_GONE
        case Refused():
            return DeliveryFact.RECEIPT_REFUSED
        case Later():
            return DeliveryFact.RECEIPT_POSTPONED
        case Missing():
            return DeliveryFact.RECEIPT_NEVER_CAME
        case _:
            assert_never(receipt)


def code_of(receipt: Receipt) -> str:
    """What the receipt says, in a word."""
    match receipt:
        case Delivered():
            return "ok"
        case Missing():
            return "missing"
        case Gone(code) | Refused(code) | Later(code):
            return code
        case _:
            assert_never(receipt)
