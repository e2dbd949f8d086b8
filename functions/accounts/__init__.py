"""Accounts as a team's own system reports them, and as they are read over HTTP (``routes``)."""
