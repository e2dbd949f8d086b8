"""The accounts that the stack has when it starts, read from a JSON array."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from infra.settings import SettingError
from shared.identity import accounts
from shared.identity.accounts import Account

WRITES_AT_ONCE = 8


def read(path: Path) -> list[Account]:
    """Read and check the file.

    Raises ``SettingError``, which names the index and the field that is wrong.
    """
    try:
        found = accounts.parse(path.read_bytes())
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} is not a list of accounts: {error}") from error
    indexes: dict[str, int] = {}
    for index, account in enumerate(found):
        first = indexes.setdefault(account.id, index)
        if first != index:
            raise SettingError(f"{path}: {account.id} is the `_id` of both [{first}] and [{index}]")
    return found


def load(found: Sequence[Account], environment: Mapping[str, str]) -> None:
    """Write accounts to the accounts table, whose name is in the functions' ``environment``."""
    os.environ.update(environment)
    with ThreadPoolExecutor(WRITES_AT_ONCE) as pool:
        list(pool.map(save, found))


def save(account: Account) -> None:
    """Write one account, with its first coins. Idempotent."""
    # Imported here, so that a product's mistake is reported by the synth, in one sentence.
    from functions.products import REGISTRY  # noqa: PLC0415

    accounts.save(account, REGISTRY.paths_of_role(account.role))
