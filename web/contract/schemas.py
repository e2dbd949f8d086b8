"""Payload types as JSON Schema. Each named type occurs once in the whole document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

Schema = dict[str, Any]
WHERE = "#/components/schemas/"
SHARED_WORDS = ("Base of ",)


class Schemas:
    """The schemas of ``types``. Types with a name are references into ``components``."""

    def __init__(self, types: Iterable[Any]) -> None:
        wanted = list(dict.fromkeys(types))
        found, components = msgspec.json.schema_components(wanted, ref_template=WHERE + "{name}")
        self.components: dict[str, Schema] = {
            name: _tidy(schema) for name, schema in sorted(components.items())
        }
        self._of = dict(zip(wanted, found, strict=True))

    def of(self, type_: Any) -> Schema:
        """Return the schema of one of the types."""
        schema: Schema = dict(self._of[type_])
        return schema


def name_of(schema: Schema) -> str | None:
    """Return the name of the schema that a schema refers to. Returns None if it is no reference."""
    reference = schema.get("$ref")
    return reference.removeprefix(WHERE) if isinstance(reference, str) else None


def _tidy(schema: Schema) -> Schema:
    """Return a schema without the description that it has inherited from a base class."""
    words = " ".join(schema.get("description", "").replace("``", "`").split())
    rest = {key: value for key, value in schema.items() if key != "description"}
    if "" in rest.get("properties", {}):  # the field for everything that the payload passes on
        rest["properties"] = {name: kind for name, kind in rest["properties"].items() if name}
    if not words or words.startswith(SHARED_WORDS):
        return rest
    return {"description": words, **rest}
