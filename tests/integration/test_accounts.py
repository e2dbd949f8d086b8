"""Accounts, as they are written and read."""

from __future__ import annotations

import pytest

from local.accounts import save as save_account
from shared.identity import accounts
from shared.identity.accounts import Account

pytestmark = pytest.mark.usefixtures("tables")


def test_an_account_is_read_back_with_every_field() -> None:
    account = Account(
        id="507f1f77bcf86cd799439031",
        role="TELECALLER",
        name="Jane Smith ☎",
        profile="avatar-3",
        language="hindi",
        about="Five years of experience.",
        account_status="SUSPENDED",
        approval_status="APPROVED",
        permissions=["chat.access", "call.audio"],
        coins=12_345,
        rates={"AUDIO": 10, "VIDEO": 20},
    )
    assert all(
        getattr(account, field) != getattr(Account(id="", role="", name=""), field)
        for field in Account.__struct_fields__
    )
    save_account(account)
    assert accounts.get(account.id) == account


def test_an_account_with_only_its_required_fields_is_read_back() -> None:
    account = Account(id="a", role="USER", name="")
    save_account(account)
    assert accounts.get("a") == account
    assert account.active
    assert not account.approved


def test_saving_again_replaces_the_account() -> None:
    save_account(Account(id="a", role="USER", name="A", profile="old", coins=5))
    save_account(Account(id="a", role="USER", name="B"))
    assert accounts.get("a") == Account(id="a", role="USER", name="B")


def test_an_account_that_was_never_saved_is_not_found() -> None:
    assert accounts.get("nobody") is None
