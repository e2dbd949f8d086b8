"""The Lambda function that the balance timer of a prepaid call invokes."""
