"""Payload types as JSON Schema, named once for the whole document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from shared.pipeline.payloads import ANY_ARGUMENTS, Arguments, are_several

Schema = dict[str, Any]
WHERE = "#/components/schemas/"
SHARED_WORDS = ("Base of ",)


class Schemas:
    """Schemas of ``types``: those with a name are references into ``components``.

    A schema with ``x-arguments`` is the list of an event's arguments, each with its name as the
    title.
    """

    def __init__(self, types: Iterable[Any]) -> None:
        wanted = [one for one in dict.fromkeys(types) if not _is_any(one)]
        found, components = msgspec.json.schema_components(wanted, ref_template=WHERE + "{name}")
        self.components: dict[str, Schema] = {
            name: _tidy(schema) for name, schema in sorted(components.items())
        }
        self._of = dict(zip(wanted, found, strict=True))
        for type_ in filter(are_several, wanted):
            self._name_arguments(type_)

    def _name_arguments(self, type_: type[msgspec.Struct]) -> None:
        schema = self.resolve(self._of[type_])
        fields = msgspec.structs.fields(type_)
        schema["prefixItems"] = [
            {"title": field.encode_name, **item}
            for field, item in zip(fields, schema["prefixItems"], strict=True)
        ]
        schema["x-arguments"] = True

    def resolve(self, schema: Schema) -> Schema:
        """Return what a schema refers to, or the schema if it says it itself."""
        return resolve(self.components, schema)

    def of(self, type_: Any) -> Schema:
        """Return the schema of one of the types."""
        if _is_any(type_):
            return {"type": "array", "x-arguments": True}
        schema: Schema = dict(self._of[type_])
        return schema


def _is_any(type_: Any) -> bool:
    return type_ is ANY_ARGUMENTS or type_ is Arguments


def resolve(components: dict[str, Schema], schema: Schema) -> Schema:
    """Return what a schema refers to, or the schema if it says it itself."""
    name = name_of(schema)
    return schema if name is None else components[name]


def name_of(schema: Schema) -> str | None:
    """The name of what a schema refers to, None where it says it itself."""
    reference = schema.get("$ref")
    return reference.removeprefix(WHERE) if isinstance(reference, str) else None


def _tidy(schema: Schema) -> Schema:
    """Without the words that a payload has inherited from the base of all."""
    words = " ".join(schema.get("description", "").replace("``", "`").split())
    rest = {key: value for key, value in schema.items() if key != "description"}
    if "" in rest.get("properties", {}):  # of what is passed on: all there is beside the rest
        rest["properties"] = {name: kind for name, kind in rest["properties"].items() if name}
    if not words or words.startswith(SHARED_WORDS):
        return rest
    return {"description": words, **rest}
