"""The body of a request to sign in to the console."""

from __future__ import annotations

from typing import Annotated

import msgspec

from shared import wrong_values
from shared.identity.tokens import without_scheme
from shared.pipeline.http import HttpError

LONGEST = 3_800
"""The longest token, in characters. Browsers drop a cookie that is longer than 4,096 bytes together
with its name and attributes."""


class SignIn(msgspec.Struct, frozen=True):
    """``token``: an admin's token."""

    token: Annotated[str, msgspec.Meta(max_length=LONGEST)]


def token(body: bytes) -> str:
    """Return the token in the body ``{"token": …}``, without ``Bearer``.

    Raises ``HttpError`` 400 if the body is not JSON of this form.
    """
    try:
        given = msgspec.json.decode(body.decode(), type=SignIn)
    except msgspec.ValidationError as error:
        raise HttpError(400, f"token: {wrong_values.read(error).what}") from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise HttpError(400, "The body is not JSON") from error
    return without_scheme(given.token)
