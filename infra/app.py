"""``cdk synth`` starts here: read the settings, build the stack, have cdk-nag look it over."""

from __future__ import annotations

import sys

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra.settings import SettingError, from_context
from infra.stack import SwitchboardStack


def build(app: cdk.App) -> SwitchboardStack:
    """The stack that the app's context asks for; raises ``SettingError``."""
    settings = from_context(app.node.get_all_context())
    stack = SwitchboardStack(app, settings)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return stack


def main() -> None:
    app = cdk.App()
    try:
        build(app)
    except SettingError as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
