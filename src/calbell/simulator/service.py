"""The Expo Push Service as one object: a request goes in, an answer comes out."""

from collections.abc import Callable
from functools import partial

from calbell.simulator import control, push
from calbell.simulator.fault_queue import QueuedFault
from calbell.simulator.faults import fault_id
from calbell.simulator.manners import is_answer
from calbell.simulator.misbehaviour import spoiled
from calbell.simulator.request_log import LoggedRequest
from calbell.simulator.wire import BearerInvalid, Refused, Request, Response, packed
from calbell.simulator.world import World


class PushService(World):
    """The world, and the answers it gives to what comes over the wire."""

    def answer(self, request: Request) -> Response:
        """The answer, after the request has had its effect: `/--/api/v2/push/*` and `/_sim/*`."""
        self.catch_up()
        if control.concerns(request.path):
            response = self._told(partial(control.carried_out, self, request))
        else:
            response = self._push(request)
        return packed(response, request)

    def answer_unread(self, head: Request) -> Response | None:
        """What there is to answer when only the head of the request has come; mostly nothing."""
        endpoint = push.endpoint_of(head)
        if endpoint is None or not (struck := self.faults.strike_unread(endpoint, self.now)):
            return None
        return self._answered(head, struck)

    def _push(self, request: Request) -> Response:
        """The honest answer or what a fault makes of it; either way it is logged."""
        endpoint = push.endpoint_of(request)
        struck = self.faults.strike(endpoint, request, self.now) if endpoint else None
        return self._answered(request, struck)

    def _answered(self, request: Request, struck: QueuedFault | None) -> Response:
        honest = partial(self._told, partial(push.carried_out, self, request, struck))
        at = self.now
        if struck:
            response = self._told(partial(spoiled, struck.fault, self, request, honest))
        else:
            response = honest()
        self.log.note(
            LoggedRequest(
                at,
                request.method,
                request.path,
                request.query,
                request.headers,
                request.body,
                response.status if is_answer(response.manner) else None,
                fault_id(struck.fault) if struck else None,
            )
        )
        return response

    def _told(self, act: Callable[[], Response]) -> Response:
        try:
            return act()
        except Refused as refused:
            return refused.response(self.request_id(), self.switches)
        except BearerInvalid as invalid:
            return invalid.response()
