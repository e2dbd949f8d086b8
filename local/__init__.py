"""The whole stack on one machine: the CDK app that goes to AWS, deployed to an emulator."""
