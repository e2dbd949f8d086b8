"""Amazon SNS mobile push, and the phones behind it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from functions.push.devices import id_of

if TYPE_CHECKING:
    from tests.simulation.world import World


class Received(NamedTuple):
    """A push that a phone has received.

    kind: what the app knows it by.
    data: what the app receives.
    """

    at_ms: float
    endpoint: str
    kind: str
    data: dict[str, Any]


class Phones:
    """All endpoints of the platform applications.

    disabled: the tokens that Apple or Google do not know any longer.
    received: what has been pushed, in order.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._tokens: dict[str, str] = {}
        self.disabled: set[str] = set()
        self.received: list[Received] = []

    def create(self, params: dict[str, Any]) -> dict[str, str]:
        """Return the endpoint of a token, in the form of ``CreatePlatformEndpoint``."""
        application, token = params["PlatformApplicationArn"], params["Token"]
        endpoint = f"{application.replace(':app/', ':endpoint/')}/{token}"
        self._tokens[endpoint] = token
        return {"EndpointArn": endpoint}

    def enable(self, params: dict[str, Any]) -> dict[str, str]:
        """Enable an endpoint, in the form of ``SetEndpointAttributes``."""
        self._token(params["EndpointArn"])
        return {}

    def delete(self, params: dict[str, Any]) -> dict[str, str]:
        """Delete an endpoint, in the form of ``DeleteEndpoint``."""
        self._tokens.pop(params["EndpointArn"], None)
        return {}

    def publish(self, params: dict[str, Any]) -> dict[str, str]:
        """Take a push, in the form of ``Publish``. Raises ``ClientError`` as SNS does."""
        endpoint = params["TargetArn"]
        if self._token(endpoint) in self.disabled:
            raise _error("EndpointDisabled")
        message = json.loads(params["Message"])
        body = json.loads(message[endpoint.split("/")[1]])
        data = body["fcmV1Message"]["message"]["data"] if "fcmV1Message" in body else body
        self.received.append(Received(self._world.now_ms, endpoint, data["type"], data))
        return {"MessageId": str(len(self.received))}

    def of_call(self, call_id: str) -> dict[str, list[str]]:
        """Return what has been pushed about a call, by endpoint."""
        found: dict[str, list[str]] = {}
        for one in self.received:
            if one.data.get("callId") == call_id:
                found.setdefault(one.endpoint, []).append(one.kind)
        return found

    @property
    def known(self) -> set[str]:
        """The endpoints whose tokens Apple or Google know."""
        return {one for one, token in self._tokens.items() if token not in self.disabled}

    def device(self, endpoint: str) -> str:
        """Return the id of the device behind an endpoint."""
        _, platform, _, token = endpoint.split("/")
        return id_of("FCM" if platform == "GCM" else platform, token)

    def _token(self, endpoint: str) -> str:
        if endpoint not in self._tokens:
            raise _error("NotFound")
        return self._tokens[endpoint]


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "Publish")
