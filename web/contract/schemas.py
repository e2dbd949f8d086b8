"""Payload types as JSON Schema. Each named type occurs once in the whole document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from shared.errors import DeclarationError
from shared.pipeline.payloads import ANY_ARGUMENTS, Arguments, Posted, are_several
from web.contract import names

Schema = dict[str, Any]
WHERE = "#/components/schemas/"
SHARED_WORDS = ("Base of ",)
SIMPLE = {"string", "integer", "number", "boolean", "null"}
CHOICES = ("enum", "const", "anyOf", "oneOf")
DATA = {"default", "const", "examples"}
SCHEMA_LISTS = {"anyOf", "oneOf", "allOf", "prefixItems"}


class Schemas:
    """The schemas of ``types``. Types with a name are references into ``components``.

    A schema with ``x-arguments`` is the list of an event's arguments, each with its name as the
    title. Generators of code name what has no name of its own by its title.
    """

    def __init__(self, types: Iterable[Any]) -> None:
        wanted = [one for one in dict.fromkeys(types) if not _is_any(one)]
        found, components = msgspec.json.schema_components(wanted, ref_template=WHERE + "{name}")
        self._names = names.by_component(wanted)
        self.components: dict[str, Schema] = {
            self._names[name]: self._component(self._names[name], schema)
            for name, schema in components.items()
        }
        self.components = dict(sorted(self.components.items()))
        self._of = dict(zip(wanted, map(self._simple, found), strict=True))
        for type_ in wanted:
            if are_several(type_):
                self._name_arguments(type_)
            elif isinstance(type_, type) and issubclass(type_, Posted):
                self.resolve(self._of[type_])["additionalProperties"] = True

    def _component(self, name: str, schema: Schema) -> Schema:
        tidy = _tidy(self._simple(schema))
        tidy["title"] = name
        for field, kind in tidy.get("properties", {}).items():
            tidy["properties"][field] = titled(f"{name}{_capital(field)}", kind)
        return tidy

    def _simple(self, schema: Schema) -> Schema:
        """Return a schema with stable names, and without ``anyOf`` where a list of types will do.

        A narrower choice beside a reference takes its place.
        """
        made: Schema = {
            key: self._simple_in(key, value)
            for key, value in schema.items()
            if key != "$ref" or "enum" not in schema
        }
        if "$ref" in made:
            made["$ref"] = WHERE + self._names[made["$ref"].removeprefix(WHERE)]
        return _flat(made)

    def _simple_in(self, key: str, value: Any) -> Any:
        if key == "properties":
            return {name: self._simple(kind) for name, kind in value.items()}
        if isinstance(value, dict) and key not in DATA:
            return self._simple(value)
        if key in SCHEMA_LISTS:
            return [self._simple(one) for one in value]
        return value

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

    def named(self, name: str, schema: Schema) -> Schema:
        """Return a reference to a schema, which becomes a component if it is none.

        Raises ``DeclarationError`` if another schema has this name.
        """
        if name_of(schema) is not None or schema.get("x-arguments"):
            return schema
        schema = {"title": name, **schema}
        if self.components.setdefault(name, schema) != schema:
            raise DeclarationError(f"Two schemas have the name {name}")
        return {"$ref": WHERE + name}


def _is_any(type_: Any) -> bool:
    return type_ is ANY_ARGUMENTS or type_ is Arguments


def resolve(components: dict[str, Schema], schema: Schema) -> Schema:
    """Return what a schema refers to, or the schema if it says it itself."""
    name = name_of(schema)
    return schema if name is None else components[name]


def name_of(schema: Schema) -> str | None:
    """Return the name of the schema that a schema refers to. Returns None if it is no reference."""
    reference = schema.get("$ref")
    return reference.removeprefix(WHERE) if isinstance(reference, str) else None


def titled(title: str, schema: Schema) -> Schema:
    """Return a schema with a title, if it is a choice that has no name of its own."""
    anonymous = any(key in schema for key in CHOICES) or isinstance(schema.get("type"), list)
    return {"title": title, **schema} if title and anonymous else schema


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _flat(schema: Schema) -> Schema:
    """Return ``{"type": ["string", "null"]}`` for ``anyOf`` of simple types, else the schema."""
    choices = schema.get("anyOf", ())
    kinds = [one.get("type") for one in choices]
    if not choices or not all(kind in SIMPLE for kind in kinds):
        return schema
    merged: Schema = {}
    for choice in choices:
        for key, value in choice.items():
            if key != "type" and merged.setdefault(key, value) != value:
                return schema
    if "number" in kinds:
        kinds = [kind for kind in kinds if kind != "integer"]
    if "enum" in merged and "null" in kinds:
        merged["enum"] = [*merged["enum"], None]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**rest, **merged, "type": kinds if len(kinds) > 1 else kinds[0]}


def _tidy(schema: Schema) -> Schema:
    """Return a schema without the description that it has inherited from a base class."""
    words = " ".join(schema.get("description", "").replace("``", "`").split())
    rest = {key: value for key, value in schema.items() if key != "description"}
    if "" in rest.get("properties", {}):  # the field for everything that the payload passes on
        rest["properties"] = {name: kind for name, kind in rest["properties"].items() if name}
    if not words or words.startswith(SHARED_WORDS):
        return rest
    return {"description": words, **rest}
