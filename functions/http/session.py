"""What signing in takes."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aws_lambda_powertools.event_handler.exceptions import BadRequestError
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

LONGEST = 3_800
"""Browsers drop a cookie that is longer than 4,096 bytes with its name and attributes."""


class SignIn(msgspec.Struct, frozen=True):
    token: Annotated[str, msgspec.Meta(max_length=LONGEST)]


def token(event: BaseProxyEvent) -> str:
    """The token of ``{"token": …}``. Raises 400."""
    try:
        return msgspec.json.decode(event.decoded_body or "", type=SignIn).token.removeprefix(
            "Bearer "
        )
    except msgspec.ValidationError as error:
        raise BadRequestError(f"token: {str(error).partition(' - at')[0]}") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise BadRequestError("The body is not JSON") from error
