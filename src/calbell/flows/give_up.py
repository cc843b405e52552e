"""Give up: receipts that say the same failure too often end what would be tried again."""

from collections.abc import Mapping, Sequence

from calbell.domain.failures import or_given_up
from calbell.domain.outcomes import Later, Receipt
from calbell.store import failures
from calbell.store.connection import Connection
from calbell.store.receipts import DueReceipt


def weighed(
    connection: Connection, came: Sequence[tuple[DueReceipt, Receipt]]
) -> list[tuple[DueReceipt, Receipt]]:
    """The same receipts, refusals where their deliveries are not worth another attempt."""
    limited = [one for one, receipt in came if isinstance(receipt, Later) and receipt.most]
    met = failures.met(connection, (one.attempt.delivery_id for one in limited))
    return [(one, _weighed(receipt, met.get(one.attempt.delivery_id, {}))) for one, receipt in came]


def _weighed(receipt: Receipt, met: Mapping[str, int]) -> Receipt:
    return or_given_up(receipt, met) if isinstance(receipt, Later) else receipt
