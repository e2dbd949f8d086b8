"""Accounts as a team's own system tells them."""
