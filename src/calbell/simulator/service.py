"""The Expo Push Service as one object: a request goes in, an answer comes out."""

from collections.abc import Callable
from functools import partial

from calbell.simulator import control, push
from calbell.simulator.faults import fault_id, spoiled
from calbell.simulator.request_log import LoggedRequest
from calbell.simulator.wire import Refused, Request, Response, packed
from calbell.simulator.world import World


class PushService(World):
    """The world, and the answers it gives to what comes over the wire."""

    def answer(self, request: Request) -> Response:
        """The answer, after the request has had its effect: `/--/api/v2/push/*` and `/_sim/*`."""
        if control.concerns(request.path):
            response = self._told(partial(control.carried_out, self, request))
        else:
            response = self._push(request)
        return packed(response, request)

    def _push(self, request: Request) -> Response:
        """The honest answer or what a fault makes of it; either way it is logged."""
        endpoint = push.endpoint_of(request)
        fault = self.faults.strike(endpoint, request) if endpoint else None
        honest = partial(self._told, partial(push.carried_out, self, request))
        at = self.now
        response = self._told(partial(spoiled, fault, honest)) if fault else honest()
        self.log.note(
            LoggedRequest(
                at,
                request.method,
                request.path,
                request.query,
                request.headers,
                request.body,
                response.status,
                fault_id(fault) if fault else None,
            )
        )
        return response

    def _told(self, act: Callable[[], Response]) -> Response:
        try:
            return act()
        except Refused as refused:
            return refused.response(self.request_id())
