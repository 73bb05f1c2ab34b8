"""The application: a request becomes the file of a signal, and its outcome the answer."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.outside_signals import MAX_SIGNAL_BYTES, OutsideOutcome
from cq_tui.services.signal_door.rate import Rate
from cq_tui.services.signal_door.requests import Refused, Request, check_address, signal_of, too_large
from cq_tui.store.outside_signals import put_signal, wait_for_outcome, withdraw_signal
from cq_tui.store.reserve import describe_error

#: Seconds that a body may take, and that ARES has to answer: senders of alerts wait no more than three.
_BODY_SECONDS: Final = 2.0
_PATIENCE: Final = 2.0
#: Requests with the token, and without it: who guesses does not use up what is for who knows.
_KNOWN, _UNKNOWN = (60.0, 5.0), (10.0, 0.2)
_STATUS: Final = {"accepted": 200, "duplicate": 200, "refused": 422}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class SignalDoorApp:
    """An ASGI application. ``tell`` is called with a line about each signal and each refusal."""

    def __init__(
        self,
        data: DataDir,
        port: int,
        token: str,
        tell: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._data, self._port, self._token = data, port, token
        self._tell, self._clock = tell, clock
        self._known, self._unknown = Rate(*_KNOWN), Rate(*_UNKNOWN)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        status, answer, headers = await self._answer(scope, receive)
        content = orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE)
        fields = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode()), *headers]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": content})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[int, dict[str, Any], list[tuple[bytes, bytes]]]:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request = Request(scope["method"], scope["path"], headers)
        try:
            check_address(request, self._port)
            fields = signal_of(request._replace(body=await _read_body(receive)), self._token)
            self._check_rate(self._known)
            return *await self._pass_on(fields), []
        except Refused as refusal:
            return self._refusal(refusal)

    def _refusal(self, refusal: Refused) -> tuple[int, dict[str, Any], list[tuple[bytes, bytes]]]:
        """Return the answer to what is refused. The one who guesses is told nothing more after a few times."""
        if refusal.status == 401:
            try:
                self._check_rate(self._unknown)
            except Refused as too_many:
                refusal = too_many
            else:
                self._tell(f"refused: {refusal}")
        elif refusal.status != 429:
            self._tell(f"refused: {refusal}")
        headers = [(b"allow", b"POST")] if refusal.status == 405 else []
        headers += [(b"retry-after", b"1")] if refusal.status == 429 else []
        return refusal.status, {"outcome": "refused", "message": str(refusal)}, headers

    def _check_rate(self, rate: Rate) -> None:
        if (wait := rate.wait(self._clock())) > 0:
            raise Refused(429, f"too many requests. Wait {wait:.1f} s")

    async def _pass_on(self, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Put the signal where ARES takes it. What it does not take at once is taken back: the sender may try again."""
        fields.setdefault("issued", round(time.time(), 3))
        try:
            name = put_signal(self._data, fields, "post")
        except OSError as error:
            raise Refused(503, f"nothing was recorded: {describe_error(error)}") from None
        outcome = await wait_for_outcome(self._data, name, _PATIENCE)
        if outcome is None and withdraw_signal(self._data, name):
            raise Refused(503, "nothing was recorded: ARES takes no signals now. See `cq-tui status`")
        outcome = outcome or await wait_for_outcome(self._data, name, 0.0)
        return self._outcome(fields, name, outcome)

    def _outcome(self, fields: dict[str, Any], name: str, outcome: OutsideOutcome | None) -> tuple[int, dict[str, Any]]:
        if outcome is None:
            text = f"ARES took it and has not answered yet: see control/signals/done/{name}"
            return 202, {"outcome": "taken", "message": text}
        what = f"{fields['side']} {fields['symbol']}"
        self._tell(f"{outcome.outcome}: {what} {outcome.signal_key or ''} {outcome.message}".rstrip())
        told = {"outcome": outcome.outcome, "message": outcome.message, "signal_key": outcome.signal_key}
        return _STATUS[outcome.outcome], {key: value for key, value in told.items() if value}


async def _read_body(receive: Receive) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "the sender left")
                body += bytes(message.get("body", b""))
                if len(body) > MAX_SIGNAL_BYTES:
                    raise too_large()
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        raise Refused(408, f"the body did not come within {_BODY_SECONDS:g} s") from None
