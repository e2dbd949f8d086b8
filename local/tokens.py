"""Tokens like those that a team's own login would issue."""

from __future__ import annotations

import time

import jwt

from shared.identity.accounts import Account

VALID_SECONDS = 24 * 3600


def may_connect(account: Account) -> bool:
    """Return whether the account's owner may connect with a token."""
    return account.active and (account.approved or account.role != "TELECALLER")


def mint(account: Account, secret: str, valid_seconds: int = VALID_SECONDS) -> str:
    """Return a token for an account, signed with HS256."""
    claims = {
        "sub": account.id,
        "role": account.role,
        "name": account.name,
        "exp": int(time.time()) + valid_seconds,
    }
    return jwt.encode(claims, secret, algorithm="HS256")
