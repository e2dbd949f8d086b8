"""Who takes part: enough people that no two tests share any."""

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
    """Hands everybody out once."""

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
        everybody = [account for group in self._free.values() for account in group]
        path.write_bytes(msgspec.json.encode(everybody))

    def take(self, group: str) -> Account:
        return self._free[group].popleft()


def token(account: Account, **claims: Any) -> str:
    """A token for an account; ``claims`` replace or, when None, take away."""
    return sign({"sub": account.id, "role": account.role, "name": account.name, **claims})


def sign(claims: dict[str, Any], *, key: str = SECRET, algorithm: str = "HS256") -> str:
    claims = {"exp": int(time.time()) + TOKEN_SECONDS, **claims}
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, key, algorithm=algorithm)


def payload_of(token: str) -> dict[str, Any]:
    """The claims of a token, unverified."""
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def shown(account: Account) -> dict[str, Any]:
    """How one party of a call sees the other."""
    return {"_id": account.id, "name": account.name, "profile": account.profile}
