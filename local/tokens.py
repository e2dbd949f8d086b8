"""Tokens as the team's own login would issue them."""

from __future__ import annotations

import time

import jwt

from shared.identity.accounts import Account

VALID_SECONDS = 24 * 3600


def may_connect(account: Account) -> bool:
    """Whether a token of theirs lets them in."""
    return account.active and (account.approved or account.role != "TELECALLER")


def mint(account: Account, secret: str, valid_seconds: int = VALID_SECONDS) -> str:
    """A token for an account, HS256."""
    claims = {
        "sub": account.id,
        "role": account.role,
        "name": account.name,
        "exp": int(time.time()) + valid_seconds,
    }
    return jwt.encode(claims, secret, algorithm="HS256")
