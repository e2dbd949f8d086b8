"""The CDK app: which resources there are, and which permissions each of them has."""
