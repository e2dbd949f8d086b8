"""Accounts: a team's own system reports them (``handlers``), people read theirs over HTTP
(``routes``), and admins find, suspend and approve them (``console``)."""
