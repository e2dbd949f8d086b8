"""The HTTP routes with which people register the devices on which they want to be woken."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from functions.push import devices
from functions.push.devices import Device
from functions.push.product import push
from shared import times
from shared.aws import mobile_push
from shared.aws.log import logger
from shared.errors import InvalidRequest
from shared.ids import is_id
from shared.pipeline import validation
from shared.pipeline.http import HttpError, HttpRequest
from shared.protocol import json
from shared.realtime.namespaces import Login
from shared.settings import settings

__all__ = ["push"]

Platform = Literal["APNS", "APNS_VOIP", "FCM"]
NO_DEVICE = "There is no such device"
NOT_ACCEPTED = "The device could not be registered. Please try again."


class NewDevice(msgspec.Struct, frozen=True):
    """A device to register.

    ``platform``: ``APNS`` and ``APNS_VOIP`` are Apple's, ``FCM`` is Google's.
    ``token``: the token that the platform has given to the app.
    """

    platform: Platform
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=2_048, pattern=r"^[\x21-\x7e]+\Z")]


class RegisteredDevice(msgspec.Struct, frozen=True, rename="camel"):
    """A device of the person who asks.

    ``deviceId``: names the device in ``DELETE /devices/{id}``.
    ``registeredAt``: ISO 8601.
    """

    device_id: str
    platform: str
    registered_at: str


class RegisteredDevices(msgspec.Struct, frozen=True):
    """The devices of the person who asks, the newest first."""

    items: list[RegisteredDevice]


@push.route("POST /devices", body=NewDevice, status=201, errors=(400, 404, 503))
def register(request: HttpRequest) -> RegisteredDevice:
    """Register a device of one's own, which is woken when one is called or written to without
    being connected. Only if the stack pushes. Registering again does no harm. A device that
    another account has registered belongs to this one from then on. Of too many devices the oldest
    is forgotten."""
    applications = _applications()
    given = _read(request.body)
    application = applications.get(given.platform)
    if application is None:
        raise HttpError(400, f"platform: expected one of {', '.join(sorted(applications))}")
    identity, now_ms = request.identity, request.ports.clock.now_ms()
    device = Device(
        id=devices.id_of(given.platform, given.token),
        platform=given.platform,
        endpoint=_endpoint(application, given.token),
        registered_at=now_ms,
    )
    namespaces = request.registry.namespaces.values()
    paths = [
        one.path for one in namespaces if one.role == identity.role or one.login is Login.LATER
    ]
    devices.register(identity.account_id, paths, device)
    for surplus in devices.of_person(identity.account_id)[settings().devices_per_person :]:
        _forget(identity.account_id, surplus.id)
    return _shown(device)


def _read(body: bytes) -> NewDevice:
    """Return the device that a body describes. Raises ``HttpError`` 400 with the wrong field."""
    try:
        found: NewDevice = validation.struct_of(NewDevice, json.loads(body), "")
    except (json.InvalidJson, json.UnsupportedJson) as error:
        raise HttpError(400, "The body is not JSON") from error
    except InvalidRequest as error:
        raise HttpError(400, error.message.lstrip(".")) from error
    return found


def _endpoint(application: str, token: str) -> str:
    try:
        return mobile_push.create_endpoint(application, token)
    except mobile_push.TokenRefused as error:
        raise HttpError(400, "token: expected a token of the platform") from error
    except (BotoCoreError, ClientError) as error:
        logger.exception("no endpoint")
        raise HttpError(503, NOT_ACCEPTED) from error


@push.route("GET /devices", errors=(404,))
def registered(request: HttpRequest) -> RegisteredDevices:
    """Return the devices that the person who asks has registered. Only if the stack pushes."""
    _applications()
    found = devices.of_person(request.identity.account_id)
    return RegisteredDevices([_shown(one) for one in found])


@push.route("DELETE /devices/{id}", status=204, errors=(404,))
def delete(request: HttpRequest) -> None:
    """Forget a device of one's own, above all when the person logs out of the app. Only if the
    stack pushes."""
    _applications()
    if not _forget(request.identity.account_id, request.id):
        raise HttpError(404, NO_DEVICE)


def _forget(person_id: str, device_id: str) -> bool:
    """Forget a device. Returns False if the person has no such device."""
    device = devices.forget(person_id, device_id) if is_id(device_id) else None
    if device is not None:
        mobile_push.delete_endpoint(device.endpoint)
    return device is not None


def _applications() -> dict[str, str]:
    """Return the platform applications. Raises ``HttpError`` 404 if there is none."""
    if found := settings().platform_applications:
        return found
    raise HttpError(404, "Not found")


def _shown(device: Device) -> RegisteredDevice:
    return RegisteredDevice(device.id, device.platform, times.iso(int(device.registered_at)))
