"""Accounts: a team's own system reports them (``handlers``), and people read them over HTTP
(``routes``)."""
