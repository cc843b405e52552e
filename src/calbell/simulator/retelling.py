"""The honest answer, told otherwise: miscounted, unfamiliar, or with an error beside it."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from calbell.simulator.faults import DataAndErrors, RetoldFault, Unfamiliar, WrongCount
from calbell.simulator.receipts import failed
from calbell.simulator.wire import Response, json_response, server_error


def retold(fault: RetoldFault, answer: Response, request_id: UUID) -> Response:
    """The honest answer in other words; what is no answer with data stays as it is."""
    match fault:
        case WrongCount(variant=variant):
            return changed(answer, lambda data: _miscounted(variant, data))
        case DataAndErrors():
            errors = [server_error().error(request_id)]
            return changed(answer, lambda data: data, errors=errors)
        case Unfamiliar(variant="fields"):
            change = _on_each(lambda told: told | {"novelty": {"of": ["this", "year"]}})
            return changed(answer, change, meta={"novelty": True})
        case Unfamiliar(variant="details"):
            return changed(answer, _on_each(lambda told: told | {"details": "in words"}))
        case Unfamiliar(variant="capitals"):
            return changed(answer, _in_capitals)
        case Unfamiliar():
            return changed(answer, _unknown_receipts)


def changed(answer: Response, change: Callable[[Any], object], **more: object) -> Response:
    body = msgspec.json.decode(answer.body)
    if not isinstance(body, dict) or "data" not in body:
        return answer
    return json_response(body | {"data": change(body["data"])} | more, answer.status)


def _miscounted(variant: str, data: Any) -> object:
    tickets = data if isinstance(data, list) else [data]
    match variant:
        case "fewer":
            return tickets[:-1]
        case "more":
            return [*tickets, *tickets[-1:]]
        case _:
            return tickets[::-1]


def _on_each(change: Callable[[dict[str, Any]], object]) -> Callable[[Any], object]:
    """The change on every ticket or receipt, in whichever form they come."""

    def on_each(data: Any) -> object:
        if isinstance(data, list):
            return [change(ticket) for ticket in data]
        if _is_receipts(data):
            return {ticket_id: change(receipt) for ticket_id, receipt in data.items()}
        return change(data)

    return on_each


def _in_capitals(data: Any) -> object:
    if _is_receipts(data):
        return {ticket_id.upper(): receipt for ticket_id, receipt in data.items()}
    return _on_each(lambda told: told | {"id": told["id"].upper()} if "id" in told else told)(data)


def _unknown_receipts(data: Any) -> object:
    """Tickets have their unknown code already when they are made."""
    if not _is_receipts(data):
        return data
    return {each: failed("SomethingNew", "Something new went wrong.") for each in data}


def _is_receipts(data: object) -> bool:
    return isinstance(data, Mapping) and "status" not in data
