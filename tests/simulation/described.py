"""Whether the OpenAPI document describes how a request was answered."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]

from functions.products import REGISTRY
from local.settings import ROOT

JSON = "application/json"


def fault(method: str, path: str, status: int, body: Any) -> str:
    """Return what the document does not say of an answer. Returns an empty text if it says all."""
    method = "GET" if method == "HEAD" else method
    routes = [one for one in REGISTRY.http_routes.values() if one.serves(path)]
    route = next((one for one in routes if one.method == method), None)
    if route is None:
        expected = 405 if routes else 404
        return "" if status == expected else f"{status} instead of {expected}"
    answers = _document()["paths"][route.path][method.lower()]["responses"]
    if str(status) not in answers:
        return f"{status} is not described, but {sorted(answers)} are"
    content = answers[str(status)].get("content", {}).get(JSON)
    if content is None:
        return "" if body is None else "a body is not described"
    validator = Draft202012Validator({**content["schema"], "components": _document()["components"]})
    wrong = best_match(validator.iter_errors(body))
    return f"{status}: {wrong.json_path} {wrong.message}" if wrong else ""


@cache
def _document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "docs" / "contract" / "openapi.json").read_text())
    return found
