"""The accounts of the end-to-end tests. There are so many that no two tests share one."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from pathlib import Path
from typing import Any

import jwt
import msgspec

from shared.identity.accounts import Account

SECRET = "end-to-end-secret-end-to-end-secret"
TOKEN_SECONDS = 3600

GROUPS: dict[str, tuple[int, dict[str, Any]]] = {
    "USER": (500, {"role": "USER", "coins": 1000}),
    "TELECALLER": (300, {"role": "TELECALLER", "approval_status": "APPROVED"}),
    "ADMIN": (80, {"role": "ADMIN"}),
    "SUSPENDED_USER": (20, {"role": "USER", "account_status": "SUSPENDED"}),
    "SUSPENDED_ADMIN": (10, {"role": "ADMIN", "account_status": "SUSPENDED"}),
    "SUSPENDED_TELECALLER": (
        20,
        {"role": "TELECALLER", "approval_status": "APPROVED", "account_status": "SUSPENDED"},
    ),
    "PENDING_TELECALLER": (20, {"role": "TELECALLER", "approval_status": "PENDING"}),
    "REJECTED_TELECALLER": (20, {"role": "TELECALLER", "approval_status": "REJECTED"}),
    "CUSTOMER": (60, {"role": "CUSTOMER"}),
    "PARTNER": (60, {"role": "PARTNER"}),
}


class People:
    """All accounts. Each is handed out to one test only."""

    def __init__(self) -> None:
        self._free: defaultdict[str, deque[Account]] = defaultdict(deque)
        for number, (group, values) in enumerate(
            (group, values) for group, (count, values) in GROUPS.items() for _ in range(count)
        ):
            self._free[group].append(
                Account(
                    id=f"e2e0{number:020x}",
                    name=f"{group.title().replace('_', ' ')} {number}",
                    profile=f"avatar-{number}" if number % 2 else None,
                    language="hindi",
                    about=f"I am number {number}, наприклад.",
                    rates={"AUDIO": 10, "VIDEO": 20} if values["role"] == "TELECALLER" else {},
                    **values,
                )
            )

    def write(self, path: Path) -> None:
        """Write all accounts to a file, for the stack to load."""
        accounts = [account for group in self._free.values() for account in group]
        path.write_bytes(msgspec.json.encode(accounts))

    def take(self, group: str) -> Account:
        """Return an account of a group that no test has used yet."""
        return self._free[group].popleft()


def token(account: Account, **claims: Any) -> str:
    """Return a token for an account. ``claims`` replace its claims; None removes a claim."""
    return sign({"sub": account.id, "role": account.role, "name": account.name, **claims})


def sign(claims: dict[str, Any], *, key: str = SECRET, algorithm: str = "HS256") -> str:
    """Return a signed token that expires in an hour. A claim that is None is left out."""
    claims = {"exp": int(time.time()) + TOKEN_SECONDS, **claims}
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, key, algorithm=algorithm)


def payload_of(token: str) -> dict[str, Any]:
    """Return the claims of a token without verifying it."""
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def shown(account: Account) -> dict[str, Any]:
    """Return what one party of a call sees of the other."""
    return {"_id": account.id, "name": account.name, "profile": account.profile}
