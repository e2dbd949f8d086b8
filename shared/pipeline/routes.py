"""A row of the table of HTTP routes.

Nothing here imports powertools, because products declare their routes, and every function imports
the products. Only ``functions/http`` serves the routes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from shared.errors import DeclarationError

Who = Literal["anybody", "a valid token", "an admin"]
"""Who may use a route."""

ID = "{id}"
"""Stands in a route's path for an id."""

_KEY = re.compile(r"(?P<method>[A-Z]+) (?P<path>/[\w/-]*(?:\{id\}[\w/-]*)?)", re.ASCII)


class Parameter(msgspec.Struct, frozen=True):
    """A parameter of a route's query.

    about: what it means, for the published documents.
    type: the type of its values, for the published documents. The handler reads the value with
        ``paging.read`` or a method of ``HttpRequest``, which refuse every other one.
    required: whether a request without it is refused.
    """

    about: str
    type: Any = str
    required: bool = False


class HttpRoute(msgspec.Struct, frozen=True):
    """One row: a method and a path, and everything that serves and describes them.

    method: the HTTP method.
    path: the path, with ``{id}`` at most once.
    handle: the route's handler. It returns a struct, a ``Reply`` with a struct, or None. Its
        docstring describes the route in the published documents.
    product: the product that declares the route.
    who: who may use the route.
    query: the query's parameters by name.
    body: the type of the request's body. None if the route reads no body, or describes it in
        another way.
    status: the status of an answer that is no error.
    errors: the statuses of errors, beside those that ``who``, an id and the query bring.
    answer: returns the answer's type, if the type depends on what other products declare.
    """

    method: str
    path: str
    handle: Callable[..., object]
    product: str
    who: Who = "a valid token"
    query: Mapping[str, Parameter] = msgspec.field(default_factory=dict)
    body: Any = None
    status: int = 200
    errors: tuple[int, ...] = ()
    answer: Callable[..., Any] | None = None

    @property
    def key(self) -> str:
        """The row's name in API Gateway: ``GET /bookings/{id}``."""
        return f"{self.method} {self.path}"

    @property
    def takes_parameters(self) -> bool:
        """Whether a request can have a wrong id or parameter, and is answered with 400 then."""
        return bool(self.query) or ID in self.path

    @property
    def needs_body(self) -> bool:
        """Whether a request without a body is refused. A body without required fields may be left
        out."""
        fields = msgspec.structs.fields(self.body) if self.body else ()
        return self.body is None or any(field.required for field in fields)

    @property
    def rule(self) -> str:
        """A regular expression for the paths that the row serves. An id may contain slashes and
        newlines."""
        return self.path.replace(ID, r"[\s\S]+") + r"\Z"

    def serves(self, path: str) -> bool:
        """Return whether the row serves the path, for any method. Agrees with powertools."""
        return re.match(self.rule, path) is not None

    def id_in(self, path: str) -> str:
        """Return what stands for ``{id}`` in a path, its slashes included.

        API Gateway passes on a path in which everything but ``%25`` has been decoded, and which has
        been cut off at an encoded ``?``. Returns an empty text if the row's path has no id.
        """
        before, id_, after = self.path.partition(ID)
        return path.removeprefix(before).removesuffix(after).replace("%25", "%") if id_ else ""


def split(key: str) -> tuple[str, str]:
    """Return the method and the path of a row's key.

    Raises ``DeclarationError`` if the text is no key of a route.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        raise DeclarationError(f"{key} is no method and path with at most one {ID}")
    return found["method"], found["path"]
