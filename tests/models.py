"""The DynamoDB models that have been imported."""

from __future__ import annotations

from collections.abc import Iterator

from shared.aws.tables import Table

PACKAGES = ("functions.", "shared.")


def models(base: type[Table] = Table) -> Iterator[type[Table]]:
    """Yield every model of our packages, also models that extend another model.

    A base without a table of its own is left out.
    A model that a test defines is left out: it lives on in ``__subclasses__`` after that test.
    """
    for model in base.__subclasses__():
        if model.__module__.startswith(PACKAGES) and hasattr(model, "Meta"):
            yield model
        yield from models(model)
