"""The Lambda function that pushes. Each message of its queue is for the devices of one person.

Every device receives a push at least once: SNS cannot be asked whether it has accepted one. What it
has accepted is written down, so only a process that dies in this moment leads to a second push.
With it a phone shows nothing more, because both have the same collapse id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from functions.products import REGISTRY
from functions.push import devices, payloads
from functions.push.devices import Device, Sent
from functions.push.payloads import APNS, FCM, VOIP
from shared.aws import mobile_push, queues
from shared.aws.adapters import ports
from shared.aws.lambda_entry import queue_entry
from shared.aws.log import logger
from shared.aws.mobile_push import EndpointGone
from shared.aws.queues import Record
from shared.calling import ring
from shared.calling.ring import CalledPerson
from shared.calling.waking import LOOK, MISSED, OVER, RINGING
from shared.pipeline.context import Background
from shared.pipeline.ring_timeouts import time_out
from shared.ports import Push
from shared.realtime import connections
from shared.settings import settings


def _try_again(records: list[Record]) -> None:
    values = settings()
    queues.postpone(records, values.pushes_queue_url, values.push_retry_seconds)


@queue_entry(failed=_try_again)
def handler(body: str) -> None:
    """Handle one message of the queue of pushes."""
    push = msgspec.json.decode(body, type=Push)
    if push.kind == LOOK:
        time_out(Background.on(REGISTRY, ports()), push.row, push.about)
    elif ports().clock.now_ms() < push.until_ms:
        send(push)
    else:
        logger.warning("a push is too late", extra={"kind": push.kind, "about": push.about})


def send(push: Push) -> None:
    """Push to all devices that should receive it and have not.

    If it fails for some of them, the others have received it, and the error is raised. So the queue
    delivers the message again, and those that have received it are left out.
    """
    known = devices.sent(push.kind, push)
    failures: list[Exception] = []
    for device in _recipients(push):
        row = known.get(device.id)
        if row is None or not row.done:
            try:
                _send_to(push, device)
            except Exception as error:  # noqa: BLE001 - raised when the others have theirs
                logger.warning("not pushed", exc_info=True, extra={"endpoint": device.endpoint})
                failures.append(error)
    if failures:
        raise failures[0]


def _recipients(push: Push) -> Iterable[Device | Sent]:
    """Return the devices that should receive a push.

    A call rings on all devices, except that Apple's VoIP pushes take the place of alerts. Its end
    is pushed to those on which it rings.
    """
    if push.kind == OVER:
        return _rung(push).values()
    if push.kind == RINGING and not _still_rings(push):
        return ()
    if push.kind == MISSED and _is_there(_row(push.person)):
        return ()
    mine, rung = devices.of_person(push.person_id), []
    apple = APNS
    if push.kind == RINGING and any(one.platform == VOIP for one in mine):
        apple = VOIP
    if push.kind == MISSED:
        rung = [one for one in _rung(push).values() if one.platform == VOIP]
    return [*(one for one in mine if one.platform in (apple, FCM)), *rung]


def _rung(push: Push) -> Mapping[str, Sent]:
    return devices.sent(RINGING, push)


def _send_to(push: Push, device: Device | Sent) -> None:
    """Push to one device. A device that SNS cannot push to any longer is forgotten.

    That a call rings on a device is written down before, and then the call is looked at. So
    whichever comes first, this look or the end of the call: the device rings only if the end finds
    that it does. The end may have been pushed before the ring. So the call is looked at again.
    """
    now_ms = ports().clock.now_ms()
    if push.kind == RINGING:
        devices.note_sent(push, device, now_ms, done=False)
        if not _still_rings(push):
            return
    try:
        _publish(push, device)
    except EndpointGone:
        _forget(push.person_id, device)
        return
    devices.note_sent(push, device, now_ms, done=True)
    if push.kind == RINGING and not _still_rings(push):
        data = {"callId": push.about, "reason": "ENDED"}
        _publish(msgspec.structs.replace(push, kind=OVER, data=data), device)


def _publish(push: Push, device: Device | Sent) -> None:
    """Push to one device. Raises ``EndpointGone``, also if the platform is not set any longer."""
    application = settings().platform_applications.get(device.platform)
    if application is None:
        raise EndpointGone(device.endpoint)
    now_ms = ports().clock.now_ms()
    message, attributes = payloads.payload(push, device.platform, application, now_ms)
    mobile_push.publish(device.endpoint, message, attributes)


def _forget(person_id: str, device: Device | Sent) -> None:
    """Forget a device. Idempotent."""
    logger.info("device forgotten", extra={"device": device.id})
    devices.forget(person_id, device.id)
    mobile_push.delete_endpoint(device.endpoint)


def _row(key: str) -> CalledPerson:
    """Return a row of the people table. Returns an empty one if there is none."""
    try:
        return CalledPerson.get(key, consistent_read=True)
    except CalledPerson.DoesNotExist:
        return CalledPerson(key)


def _is_there(person: CalledPerson) -> bool:
    """Return whether a person has a connection that is not lost."""
    found = (connections.get(one.connection_id) for one in person.connected)
    return any(one is not None and not one.leaving for one in found)


def _still_rings(push: Push) -> bool:
    """Return whether the call rings, and no app has come back for it."""
    row = _row(push.row)
    callee = row if push.person == push.row else _row(push.person)
    return ring.on_row(row) == (push.about, ring.RINGING) and not callee.online
