"""Mobile push of the emulator's SNS, as AWS does it: a disabled endpoint receives nothing.

The emulator has platform applications and endpoints. It forgets what is published to an endpoint,
and checks rights to them as if each request were about all of them. Here each push is a line of a
file, so that a developer and the tests can see it, and rights are checked as AWS does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ministack.core import iam_actions  # type: ignore[import-untyped]
from ministack.services import sns  # type: ignore[import-untyped]

from local.pinned import expect

NAMED = ("PlatformApplicationArn", "EndpointArn")
"""The parameters with which a request names what it is about."""


def install(log: Path) -> None:
    """Note each push in a file, and check the rights of each request for what it names."""
    note_pushes(log)
    check_rights()


def check_rights() -> None:
    """Let a request to an application or an endpoint need the right to this one."""
    found = iam_actions.extract_resource_arn
    expect(found, "service", "method", "path", "headers", "body", "query_params", more=True)

    def named(service: str, *others: Any) -> Any:
        query = others[4]
        for name in NAMED if service == "sns" else ():
            if arn := sns._p(query, name):
                return arn
        return found(service, *others)

    iam_actions.extract_resource_arn = named


def note_pushes(log: Path) -> None:
    """Note each push to an endpoint in a file: token, message and attributes, as JSON."""
    expect(sns._publish, "params")
    expect(sns._parse_message_attributes, "params")
    expect(sns._error, "code", "message", "status")
    log.write_text("")
    publish = sns._publish

    def publish_or_note(params: dict[str, Any]) -> Any:
        endpoint = sns._platform_endpoints.get(sns._p(params, "TargetArn"))
        if endpoint is None:
            return publish(params)
        attributes = endpoint["attributes"]
        if attributes.get("Enabled") == "false":
            return sns._error("EndpointDisabled", "Endpoint is disabled", 400)
        given = sns._parse_message_attributes(params)
        message = {
            "token": attributes["Token"],
            "message": json.loads(sns._p(params, "Message")),
            "attributes": {name: one["StringValue"] for name, one in sorted(given.items())},
        }
        with log.open("a") as file:
            file.write(json.dumps(message) + "\n")
        return publish(params)

    sns._publish = publish_or_note
