"""The names of payload types in the documents.

A type of a product has the product's name before its own: ``CallsIncoming``, ``ChatIncoming``. So
a name stays when another product with a type of the same name is added.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

import msgspec

from shared.errors import DeclarationError

PRODUCTS = "functions"


def stable(type_: type) -> str:
    """Return the name of a struct or an enumeration in the documents."""
    top, _, rest = type_.__module__.partition(".")
    product = rest.partition(".")[0].title() if top == PRODUCTS else ""
    return type_.__name__ if type_.__name__.startswith(product) else product + type_.__name__


def by_component(types: Iterable[Any]) -> dict[str, str]:
    """Return the stable names of all named types in some types, by the names that msgspec gives.

    Raises ``DeclarationError`` if two types have the same stable name.
    """
    named = list(dict.fromkeys(_named(msgspec.inspect.multi_type_info(types))))
    short = Counter(one.__name__ for one in named)
    taken: dict[str, type] = {}
    found: dict[str, str] = {}
    for one in named:
        name = stable(one)
        if taken.setdefault(name, one) is not one:
            raise DeclarationError(f"{one} and {taken[name]} have the same name in the documents")
        unique = short[one.__name__] == 1
        found[one.__name__ if unique else f"{one.__module__}.{one.__qualname__}"] = name
    return found


def _named(nodes: Iterable[Any]) -> Iterator[type]:
    """Yield every struct and enumeration below some nodes of ``msgspec.inspect``."""
    seen: set[type] = set()
    left = list(nodes)
    while left:
        node = left.pop()
        if isinstance(node, tuple | list):
            left.extend(node)
        elif isinstance(node, msgspec.inspect.Type | msgspec.inspect.Field):
            cls = getattr(node, "cls", None)
            if cls in seen:
                continue
            if isinstance(cls, type) and issubclass(cls, msgspec.Struct | Enum):
                seen.add(cls)
                yield cls
            left.extend(getattr(node, field) for field in node.__struct_fields__)
