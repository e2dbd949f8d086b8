"""Three things in which the emulator's API Gateway must behave as the one of AWS does.

- API Gateway confirms the subprotocol that the answer of ``$connect`` has in its headers.
  https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-connect-route-subprotocol.html
- ``$disconnect`` says how the connection has ended: with the code of the client's close frame, with
  1006 if there was none, with 1001 if API Gateway has closed the connection.
  https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-keys-connect-disconnect.html
- An HTTP API without a CORS configuration passes OPTIONS on to a route, as any other method.
  https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from ministack.services import apigateway  # type: ignore[import-untyped]

from local.pinned import expect
from shared.aws.lambda_entry import SUBPROTOCOL_HEADER

Send = Callable[[dict[str, Any]], Awaitable[None]]

GOING_AWAY = {"disconnect_code": 1001, "disconnect_reason": "Going away"}
"""How a connection ends that API Gateway closes."""

NO_CLOSE_FRAME = {"code": 1006}
"""How a connection ends without a close frame. The server of the emulator says 1005 then, as for a
close frame without a code, but it has no reason to tell."""

_PARAMETERS = {
    "handle_websocket": ["scope", "receive", "send"],
    "_invoke_ws_lambda": [
        *("api_id", "account_id", "region", "route", "stage", "connection_id", "event_type")
    ],
    "handle_execute": ["api_id", "stage", "path", "method"],
}
"""The first parameters of the functions that are replaced."""

_confirmed: ContextVar[str | None] = ContextVar("confirmed", default=None)
_ends: ContextVar[list[str]] = ContextVar("ends")
"""What the client's side has said of the connection's end: empty if API Gateway ends it."""


def install() -> None:
    """Patch the emulator.

    Raises ``RuntimeError`` if ministack's private parts are not as expected.
    """
    for name, expected in _PARAMETERS.items():
        expect(getattr(apigateway, name), *expected, more=True)
    apigateway._invoke_ws_lambda = _remembered(apigateway._invoke_ws_lambda)
    apigateway.handle_websocket = _confirming(apigateway.handle_websocket)
    apigateway.handle_execute = _passing_on(apigateway.handle_execute)


def _remembered(invoke: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Let ``_invoke_ws_lambda`` keep the subprotocol in the answer of ``$connect``, and say in
    ``$disconnect`` that API Gateway has ended a connection."""

    async def invoke_and_remember(*arguments: Any, **options: Any) -> Any:
        if "DISCONNECT" in arguments and not _ends.get():
            options |= GOING_AWAY
        answer = await invoke(*arguments, **options)
        if "CONNECT" in arguments:
            _confirmed.set(((answer or {}).get("headers") or {}).get(SUBPROTOCOL_HEADER))
        return answer

    return invoke_and_remember


def _confirming(handle: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Let ``handle_websocket`` confirm the subprotocol when it accepts the connection, and note
    how the client's side has ended."""

    async def handle_and_confirm(
        scope: Any, receive: Any, send: Send, *arguments: Any, **options: Any
    ) -> None:
        async def confirm(message: dict[str, Any]) -> None:
            if message["type"] == "websocket.accept" and (name := _confirmed.get()):
                message = message | {"subprotocol": name}
            await send(message)

        ends: list[str] = []
        _ends.set(ends)

        async def noted() -> dict[str, Any]:
            message: dict[str, Any] = await receive()
            if message["type"] == "websocket.disconnect":
                ends.append(message["type"])
                return message if "reason" in message else message | NO_CLOSE_FRAME
            return message

        await handle(scope, noted, confirm, *arguments, **options)

    return handle_and_confirm


def _passing_on(handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Let ``handle_execute`` look for the route of an OPTIONS request."""

    async def handle_and_pass_on(
        api_id: str, stage: str, path: str, method: str, *arguments: Any, **options: Any
    ) -> Any:
        if method == "OPTIONS":
            method = _Options(method)
        return await handle(api_id, stage, path, method, *arguments, **options)

    return handle_and_pass_on


class _Options(str):
    """The method OPTIONS, which equals nothing the first time that it is compared.

    ministack compares it first to find out whether to answer by itself, then to find the route.
    """

    __slots__ = ("_compared",)
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        if hasattr(self, "_compared"):
            return str.__eq__(self, other)
        self._compared = True
        return False
