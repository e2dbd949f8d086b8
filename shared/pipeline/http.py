"""A row of the table of HTTP routes, and what a route's handler receives and answers.

Nothing here needs powertools: products declare their routes, and every function imports the
products. ``functions/http`` alone serves the routes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from shared.errors import DeclarationError

if TYPE_CHECKING:
    from shared.identity.tokens import Identity
    from shared.pipeline.registry import Registry
    from shared.ports import Ports

T = TypeVar("T")
Who = Literal["anybody", "a valid token", "an admin"]
ID = "{id}"
_KEY = re.compile(r"(?P<method>[A-Z]+) (?P<path>/[\w/-]*(?:\{id\}[\w/-]*)?)", re.ASCII)


class HttpError(Exception):
    """An answer that is an error: its status, and the message that the client reads."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a route's handler receives.

    asker: whose token it is. None if anybody may ask.
    id: what stands in the path for ``{id}``, empty if the path has none.
    headers: by lower-case name, the cookies among them.
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
        """The asking account. Raises ``RuntimeError`` on a route that anybody may ask."""
        if self.asker is None:
            raise RuntimeError("This route does not look at tokens")
        return self.asker


HttpHandle = Callable[[HttpRequest], object]


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer with headers of its own. ``body`` is None if there is none."""

    body: T
    headers: Mapping[str, str]


@dataclass(frozen=True)
class HttpRoute:
    """One row: a method and a path, and everything that serves and describes them.

    path: with ``{id}`` at most once.
    handle: returns a struct, a ``Reply`` with one, or None. Its docstring describes the route.
    query: parameter → what it means.
    body: the type of the request's body, None if the route reads none or describes it otherwise.
    errors: statuses beside those that ``who`` brings.
    answer: the answer's type, if it depends on what other products declare.
    """

    method: str
    path: str
    handle: HttpHandle
    product: str
    who: Who = "a valid token"
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()
    answer: Callable[[Registry], Any] | None = None

    @property
    def key(self) -> str:
        """The row's name in API Gateway: ``GET /bookings/{id}``."""
        return f"{self.method} {self.path}"

    @property
    def rule(self) -> str:
        """The paths that the row serves, as a regular expression: an id may have slashes."""
        return self.path.replace(ID, ".+")

    def serves(self, path: str) -> bool:
        """Whether the path is the row's, for whichever method. Finds what powertools finds."""
        return re.match(f"^{self.rule}$", path) is not None

    def id_in(self, path: str) -> str:
        """Return what stands for ``{id}`` in a path, slashes and all.

        API Gateway has decoded everything but ``%25`` when it hands the path over, and has cut it
        off at a ``?`` that was encoded. Returns an empty text if the row's path has no id.
        """
        before, id_, after = self.path.partition(ID)
        return path.removeprefix(before).removesuffix(after).replace("%25", "%") if id_ else ""


def split(key: str) -> tuple[str, str]:
    """Return the method and the path of a row's key. Raises ``DeclarationError`` if it is none."""
    found = _KEY.fullmatch(key)
    if found is None:
        raise DeclarationError(f"{key} is no method and path with at most one {ID}")
    return found["method"], found["path"]
