"""Intercepts outgoing messages for faults: market streams, user data events and WebSocket API frames."""

from collections.abc import Callable
from functools import partial
from typing import Any

from cq_tui.simulator.api.ws_connection import WsApi, WsApiConnection
from cq_tui.simulator.api.ws_request import WsRequest
from cq_tui.simulator.faults.fault_spec import USER_DATA, WS_API, ActiveFault
from cq_tui.simulator.faults.message_faults import MessageFaults
from cq_tui.simulator.faults.plan import FaultPlan, MessageTarget
from cq_tui.simulator.streams.channel import Channel
from cq_tui.simulator.streams.stream_hub import StreamHub

Event = dict[str, Any]


class StreamFaults:
    """Installs interceptors only while a fault may apply or a held message is unsent."""

    def __init__(self, plan: FaultPlan, clock: Callable[[], int], hub: StreamHub, ws_api: WsApi) -> None:
        self._hub = hub
        self._ws_api = ws_api
        self._market: MessageFaults[bytes] = MessageFaults(plan, clock)
        self._events: MessageFaults[Event] = MessageFaults(plan, clock)
        self._frames: MessageFaults[str] = MessageFaults(plan, clock)

    @property
    def is_active(self) -> bool:
        """Whether any interceptor is installed."""
        return any((self._hub.interceptor, self._ws_api.user_data.interceptor, self._ws_api.frame_interceptor))

    def update(self, faults: list[ActiveFault]) -> None:
        """Install or remove interceptors as the active faults require."""
        streams = {fault.spec.stream for fault in faults if fault.spec.affects_messages}
        self._hub.interceptor = (
            self._intercept_payload if _is_needed(self._market, streams - {USER_DATA, WS_API}) else None
        )
        self._ws_api.user_data.interceptor = (
            self._intercept_event if _is_needed(self._events, streams & {USER_DATA}) else None
        )
        self._ws_api.frame_interceptor = self._intercept_frame if _is_needed(self._frames, streams & {WS_API}) else None

    def _intercept_payload(self, channel: Channel, payload: bytes) -> None:
        name, hub = channel.name, self._hub
        target = MessageTarget(name, name.partition("@")[0].upper())
        self._market.send(target, channel, payload, partial(hub.deliver, channel), partial(hub.disconnect, name))

    def _intercept_event(self, event: Event) -> None:
        target = MessageTarget(USER_DATA, event.get("s", ""))
        ws_api = self._ws_api
        self._events.send(
            target, USER_DATA, event, lambda late: ws_api.user_data.publish([late]), ws_api.disconnect_subscribed
        )  # fmt: skip

    def _intercept_frame(self, connection: WsApiConnection, request: WsRequest | None, text: str) -> None:
        target = (
            MessageTarget(WS_API)
            if request is None
            else MessageTarget(WS_API, request.values.get("symbol", ""), request.method)
        )
        self._frames.send(
            target, connection, text, connection.write_frame, lambda: connection.disconnect("Disconnected")
        )


def _is_needed(faults: MessageFaults[Any], streams: set[str | None]) -> bool:
    if streams or faults.has_pending:
        return True
    faults.clear_history()
    return False
