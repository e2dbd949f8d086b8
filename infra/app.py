"""The entry point of ``cdk synth``: reads the settings, builds the stack, has cdk-nag check it."""

from __future__ import annotations

import sys

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.settings import SettingError, from_context
from infra.stack import SwitchboardStack


def build(app: cdk.App) -> SwitchboardStack:
    """Build the stack for the settings in the app's context. Raises ``SettingError``."""
    settings = from_context(app.node.get_all_context())
    stack = SwitchboardStack(app, settings)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stack


def main() -> None:
    """Synthesize the app, or exit with the sentence about a wrong setting."""
    app = cdk.App()
    try:
        build(app)
    except SettingError as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
