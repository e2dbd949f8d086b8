"""The entry point of ``cdk synth``.

It reads the settings, builds the stack, and lets cdk-nag check it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.settings import SettingError, from_context
from shared.errors import DeclarationError

if TYPE_CHECKING:
    from infra.stack import SwitchboardStack


def build(app: cdk.App) -> SwitchboardStack:
    """Build the stack that the app's context asks for.

    Raises ``SettingError`` or ``DeclarationError``, each with one sentence for the developer.
    """
    # Imported here, because importing a product with a wrong declaration raises an error.
    from functions.products import REGISTRY  # noqa: PLC0415
    from infra import completeness, functions  # noqa: PLC0415
    from infra.stack import SwitchboardStack  # noqa: PLC0415
    from infra.tables import STACK  # noqa: PLC0415

    settings = from_context(app.node.get_all_context())
    completeness.check(REGISTRY, STACK, (one.spec for one in functions.STACK))
    stack = SwitchboardStack(app, settings)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stack


def main() -> None:
    """Synthesize the app. If a setting or a declaration is wrong, exit with a sentence about it."""
    app = cdk.App()
    try:
        build(app)
    except (SettingError, DeclarationError) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
