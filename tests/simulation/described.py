"""Whether the OpenAPI document describes a request and how it was answered.

A request that the document allows is not refused as wrong, and one that it does not allow is
refused. An answer has a status that the document names, and the body that it describes.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]

from local.settings import ROOT
from shared.pipeline.routes import ID
from shared.protocol import json as strict
from tests.simulation.inputs import Request

JSON = "application/json"
WRONG = 400
"""The status of a request that is wrong by itself, whoever sends it."""


def fault(given: Request, status: int, body: Any) -> str:
    """Return what the document does not say of a request and its answer.

    Returns an empty text if it says all.
    """
    template, id_ = _template(given.path.split("?")[0])
    methods = _document()["paths"].get(template, {})
    operation = methods.get("get" if given.method == "HEAD" else given.method.lower())
    if operation is None:
        expected = 405 if methods else 404
        return "" if status == expected else f"{status} instead of {expected}"
    texts = {"path": {"id": id_}, "query": given.query}
    return _of_request(operation, texts, given.body, status) or _of_answer(
        operation["responses"], status, body
    )


def _template(path: str) -> tuple[str, str]:
    """Return the document's path that a path fits, the longest one if several do, and the id in it.

    An id may have any character. Both are empty if no path of the document fits.
    """
    found = "", ""
    for template in _document()["paths"]:
        before, id_, after = template.partition(ID)
        pattern = re.escape(before) + (f"(.+){re.escape(after)}" if id_ else "()")
        fitting = re.fullmatch(pattern, path, re.DOTALL)
        if fitting and len(template) > len(found[0]):
            found = template, fitting[1].replace("%25", "%")
    return found


def _of_answer(answers: dict[str, Any], status: int, body: Any) -> str:
    """Return what the document does not say of an answer."""
    if str(status) not in answers:
        return f"{status} is not described, but {sorted(answers)} are"
    content = answers[str(status)].get("content", {}).get(JSON)
    if content is None:
        return "" if body is None else "a body is not described"
    wrong = _wrong(content["schema"], body)
    return f"{status}: {wrong}" if wrong else ""


def _of_request(
    operation: dict[str, Any], texts: dict[str, dict[str, str]], body: str, status: int
) -> str:
    """Return how a request was taken that the document does not allow, or refused that it does.

    texts: the values of the parameters in the path and in the query, by name.
    """
    wrong = _wrong_parameter(operation, texts) or _wrong_body(operation, body)
    if wrong and status < WRONG:
        return f"{status} although the document does not allow the request: {wrong}"
    if not wrong and status == WRONG:
        return f"{status} although the document allows the request"
    return ""


def _wrong_parameter(operation: dict[str, Any], texts: dict[str, dict[str, str]]) -> str:
    for one in operation.get("parameters", ()):
        name, schema, given = one["name"], one["schema"], texts[one["in"]]
        if name not in given:
            if one.get("required"):
                return f"{name} is required"
        elif wrong := _wrong(schema, _value(schema, given[name])):
            return f"{name}: {wrong}"
    return ""


def _value(schema: dict[str, Any], text: str) -> Any:
    """Return a parameter's value, which is a number only if the document says so."""
    number = schema.get("type") == "integer" and re.fullmatch("[0-9]+", text)
    return int(text[:9]) if number else text


def _wrong_body(operation: dict[str, Any], text: str) -> str:
    """Return what is wrong with a request's body. A body that no operation describes is right."""
    described = operation.get("requestBody")
    if described is None or not text:
        return "a body is required" if described and described["required"] else ""
    try:
        body = strict.loads(text)
    except (strict.InvalidJson, strict.UnsupportedJson) as error:
        return f"the body is not JSON: {error}"
    return _wrong(described["content"][JSON]["schema"], body)


def _wrong(schema: dict[str, Any], value: Any) -> str:
    """Return in what a value differs from a schema, or an empty text."""
    validator = Draft202012Validator({**schema, "components": _document()["components"]})
    error = best_match(validator.iter_errors(value))
    return f"{error.json_path} {error.message}" if error else ""


@cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs" / "contract" / "openapi.json").read_text())
    return found
