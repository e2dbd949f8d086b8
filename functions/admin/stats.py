"""The numbers that admins see. Every product reads its own part; all parts are read at once."""

from __future__ import annotations

from functools import cache, partial
from typing import Any, get_type_hints

import msgspec

from shared import times
from shared.aws.parallel import together
from shared.errors import DeclarationError
from shared.pipeline.registry import Registry

ABOUT = "Distinct people, and their connections. Exact within seconds."


@cache
def answer(registry: Registry) -> type[msgspec.Struct]:
    """Return the type of the answer: the fields of every product's part, and the time.

    Raises ``DeclarationError`` if two parts have the same field.
    """
    fields: dict[str, Any] = {}
    for read in registry.counters:
        for field in msgspec.structs.fields(get_type_hints(read)["return"]):
            if field.name in fields:
                raise DeclarationError(f"{field.name} is counted twice")
            fields[field.name] = field.type
    fields["timestamp"] = str
    return msgspec.defstruct(
        "AdminStats",
        list(fields.items()),
        frozen=True,
        rename="camel",
        module=__name__,
        namespace={"__doc__": ABOUT},
    )


def read(registry: Registry, now_ms: int) -> msgspec.Struct:
    """Return the present numbers of all products."""
    fields: dict[str, Any] = {"timestamp": times.iso(now_ms)}
    for part in together(partial(counter, now_ms) for counter in registry.counters):
        fields |= msgspec.structs.asdict(part)
    return answer(registry)(**fields)
