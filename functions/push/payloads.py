"""What each platform receives, as SNS takes it.

An app is woken for a ring by a VoIP push (Apple) or a data message of high priority (Google). What
a phone shows by itself is only in Apple's alerts: Android's apps make their notifications of data.

https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification
https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
https://docs.aws.amazon.com/sns/latest/dg/sns-send-custom-platform-specific-payloads-mobile-devices.html
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from shared.aws.mobile_push import platform_of
from shared.calling.waking import OVER, RINGING
from shared.ports import Push
from shared.protocol import json

APNS, VOIP, FCM = "APNS", "APNS_VOIP", "FCM"


class Payload(NamedTuple):
    """A push for one device.

    message: the payload below the platform's name, as JSON.
    attributes: SNS's attributes, by name.
    """

    message: str
    attributes: dict[str, str]


def payload(push: Push, platform: str, application: str, now_ms: int) -> Payload:
    """Return what a device receives.

    platform: the device's platform.
    application: the ARN of the platform application, which says whether it is Apple's sandbox.
    """
    seconds = max(1, math.ceil((push.until_ms - now_ms) / 1000))
    named = platform_of(application)
    if platform == FCM:
        body, attributes = _of_google(push, seconds), {"AWS.SNS.MOBILE.FCM.TTL": str(seconds)}
    else:
        body = _of_apple(push, platform)
        attributes = _headers(push, platform) | {f"AWS.SNS.MOBILE.{named}.TTL": str(seconds)}
    return Payload(json.dumps({"default": push.body, named: json.dumps(body)}), attributes)


def _of_apple(push: Push, platform: str) -> dict[str, Any]:
    if platform == VOIP:
        aps: dict[str, Any] = {}
    elif push.kind == OVER:
        aps = {"content-available": 1}
    else:
        aps = {
            "alert": {"title": push.title, "body": push.body},
            "sound": "default",
            "mutable-content": 1,
            "interruption-level": "time-sensitive" if push.kind == RINGING else "active",
        }
    return {"aps": aps, "type": push.kind, **push.data}


def _headers(push: Push, platform: str) -> dict[str, str]:
    """Return the headers for Apple. What is pushed about a call later takes the place of what was
    pushed about it before."""
    kind = "voip" if platform == VOIP else "background" if push.kind == OVER else "alert"
    found = {"PUSH_TYPE": kind, "PRIORITY": "5" if kind == "background" else "10"}
    if kind != "background":
        found["COLLAPSE_ID"] = push.about
    return {f"AWS.SNS.MOBILE.APNS.{name}": value for name, value in found.items()}


def _of_google(push: Push, seconds: int) -> dict[str, Any]:
    data = {"type": push.kind, "title": push.title, "body": push.body, **push.data}
    android = {"priority": "high", "ttl": f"{seconds}s"}
    if push.row:  # Google keeps pushes with four collapse keys at most for a device that is off
        android["collapse_key"] = push.about
    return {"fcmV1Message": {"message": {"data": data, "android": android}}}
