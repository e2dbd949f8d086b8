"""The accounts file, the demo accounts, and the banner that shows them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jwt
import pytest

from infra.settings import SettingError
from local import accounts, banner, tokens
from local.settings import SECRETS, from_environment
from shared.identity.accounts import Account

USER = {"_id": "0" * 24, "role": "USER", "name": "U"}


def written(tmp_path: Path, content: str | list[Any]) -> Path:
    path = tmp_path / "accounts.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_the_demo_accounts_have_every_role() -> None:
    known = accounts.read(from_environment({}).accounts)
    roles = {account.role for account in known}
    assert {"USER", "TELECALLER", "ADMIN", "CUSTOMER", "PARTNER"} < roles
    assert all(re.fullmatch("[0-9a-f]{24}", account.id) for account in known)
    assert any("chat.access" in (account.permissions or ()) for account in known)
    assert all(account.rates and account.about for account in known if account.role == "TELECALLER")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "accounts.json is not a list of accounts"),
        ("{}", "Expected `array`"),
        ([USER, {"role": "USER", "name": "x"}], r"`_id`.*\$\[1\]"),
        ([USER | {"accountStatus": "GONE"}], r"\$\[0\]\.accountStatus"),
        ([USER | {"coins": "many"}], r"\$\[0\]\.coins"),
        ([USER, USER], r"is the `_id` of both \[0\] and \[1\]"),
    ],
)
def test_the_error_names_what_is_wrong_in_the_file(
    tmp_path: Path, content: str | list[Any], message: str
) -> None:
    with pytest.raises(SettingError, match=message):
        accounts.read(written(tmp_path, content))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    path.write_bytes(b'["\xff"]')
    with pytest.raises(SettingError):
        accounts.read(path)


def test_a_token_holds_the_identity_of_its_account() -> None:
    account = Account(id=USER["_id"], role="USER", name="U")
    claims = jwt.decode(
        tokens.mint(account, SECRETS["JWT_SECRET"]), SECRETS["JWT_SECRET"], algorithms=["HS256"]
    )
    assert claims.pop("exp")
    assert claims == {"sub": USER["_id"], "role": "USER", "name": "U"}


def test_the_banner_shows_only_accounts_that_may_connect(tmp_path: Path) -> None:
    people = [
        USER | {"name": "Blocked", "accountStatus": "SUSPENDED"},
        USER | {"_id": "1" * 24, "name": "Active"},
        USER | {"_id": "2" * 24, "role": "TELECALLER", "name": "Pending"},
    ]
    known = accounts.read(written(tmp_path, people))
    text = banner.render(from_environment({"PORT": "9000"}), known)
    assert "Active" in text
    assert "Blocked" not in text
    assert "socket.io-client" not in text  # there is no telecaller to call


def test_the_banner_s_snippet_has_no_placeholders() -> None:
    settings = from_environment({"PORT": "9000"})
    text = banner.render(settings, accounts.read(settings.accounts))
    assert 'io("http://127.0.0.1:9000" + path' in text
    assert "$" not in text
