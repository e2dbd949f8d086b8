"""Puts what has happened on the stack's bus, for a team's own systems."""
