"""What the handler of an HTTP route receives and returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from shared.ids import MOST_CHARACTERS, is_id

if TYPE_CHECKING:
    from shared.identity.tokens import Identity
    from shared.pipeline.registry import Registry
    from shared.ports import Ports

T = TypeVar("T")
NO_ID = f"expected 1 to {MOST_CHARACTERS} characters"
AnyEnum = TypeVar("AnyEnum", bound=StrEnum)


class HttpError(Exception):
    """An answer that is an error.

    status: the HTTP status.
    message: the text that the client reads.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class HttpRequest(msgspec.Struct, frozen=True):
    """What a route's handler receives.

    ports: everything outside the process.
    registry: the declarations of all products.
    asker: the account of the request's token. None on a route that anybody may use.
    id: what stands in the path for ``{id}``. Empty if the path has no id.
    query: the query's parameters.
    headers: the headers by lower-case name, the cookies among them.
    body: the body as it came.
    """

    ports: Ports
    registry: Registry
    asker: Identity | None
    id: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def identity(self) -> Identity:
        """The account that sends the request.

        Raises ``RuntimeError`` on a route that anybody may use.
        """
        if self.asker is None:
            raise RuntimeError("This route does not read tokens")
        return self.asker

    def id_parameter(self, name: str) -> str | None:
        """Return the value of a parameter that is an id. Returns None if it is left out.

        Raises ``HttpError`` 400 with a text that names the parameter if the value is no id.
        """
        text = self.query.get(name)
        if text is not None and not is_id(text):
            raise HttpError(400, f"{name}: {NO_ID}")
        return text

    def choice(self, name: str, choices: type[AnyEnum]) -> AnyEnum | None:
        """Return the value of a parameter that has some choices. Returns None if it is left out.

        Raises ``HttpError`` 400 with a text that names the parameter if the value is another one.
        """
        if name not in self.query:
            return None
        try:
            return choices(self.query[name])
        except ValueError as error:
            allowed = ", ".join(choice.value for choice in choices)
            raise HttpError(400, f"{name}: expected one of {allowed}") from error


HttpHandle = Callable[[HttpRequest], object]


class Reply(msgspec.Struct, Generic[T], frozen=True):
    """An answer with headers of its own.

    body: the answer's body, or None if there is none.
    headers: the headers by name.
    """

    body: T
    headers: Mapping[str, str]
