"""The DynamoDB models that have been imported."""

from __future__ import annotations

from collections.abc import Iterator

from shared.aws.tables import Table


def models(base: type[Table] = Table) -> Iterator[type[Table]]:
    """Yield every model, also models that extend another model."""
    for model in base.__subclasses__():
        yield model
        yield from models(model)
