"""The CDK app: what runs where, and who may touch what."""
