"""The Lambda functions: one folder for each product and for each function of the stack."""

from shared.aws import garbage

garbage.postpone()
