"""The pages and the demo tokens, as the edge serves them."""

from __future__ import annotations

import re
from pathlib import Path

import jwt
import pytest
from aiohttp.test_utils import make_mocked_request

from infra.site import COPIED, HEADERS, SITE, assemble
from local import accounts
from local.pages import MOST_OF_A_ROLE, TOKENS, Pages
from local.settings import from_environment
from shared.protocol import json

SETTINGS = from_environment({"RING_TIMEOUT_SECONDS": "7"})
PEOPLE = accounts.read(SETTINGS.accounts)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "app").mkdir(parents=True)
    for name in ("index.html", "console.html", "docs.html", "app/demo.js", "app/notes.md"):
        (folder / name).write_text(name)
    (tmp_path / "secret.html").write_text("secret")
    (folder / "away.html").symlink_to(tmp_path / "secret.html")
    return folder


@pytest.mark.parametrize(
    ("path", "name", "type_"),
    [
        ("/", "index.html", "text/html"),
        ("/console", "console.html", "text/html"),
        ("/console/", "console.html", "text/html"),
        ("/docs", "docs.html", "text/html"),
        ("/app/demo.js", "app/demo.js", "text/javascript"),
        ("/app/demo.js?v=1", "app/demo.js", "text/javascript"),
    ],
)
def test_a_path_is_answered_with_its_page(site: Path, path: str, name: str, type_: str) -> None:
    answer = Pages(SETTINGS, PEOPLE, site).answer(make_mocked_request("GET", path))
    assert answer
    assert (answer.body, answer.content_type) == (name.encode(), type_)
    assert HEADERS.items() <= answer.headers.items()
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/app",
        "/app/notes.md",
        "/away",
        "/away.html",
        "/../secret",
        "/%2e%2e/secret",
        "/..%2fsecret.html",
        "//etc/passwd",
        "/a%00b",
        "/" + "x" * 5000,
    ],
)
def test_a_path_without_a_page_is_left_to_the_api(site: Path, path: str) -> None:
    assert Pages(SETTINGS, PEOPLE, site).answer(make_mocked_request("GET", path)) is None


def test_only_get_requests_are_answered_with_pages(site: Path) -> None:
    for method in ("POST", "DELETE", "OPTIONS"):
        assert Pages(SETTINGS, PEOPLE, site).answer(make_mocked_request(method, "/")) is None


def test_demo_tokens_are_for_a_few_accounts_of_each_role_that_may_connect() -> None:
    request = make_mocked_request("GET", TOKENS, headers={"Host": "localhost:8000"})
    answer = Pages(SETTINGS, PEOPLE).answer(request)
    assert answer
    assert answer.headers["Cache-Control"] == "no-store"
    assert isinstance(answer.body, bytes)
    body = json.loads(answer.body)
    assert isinstance(body, dict)
    assert body["ringSeconds"] == 7
    roles = [one["role"] for one in body["people"]]
    assert {"USER", "TELECALLER", "ADMIN"} <= set(roles)
    assert max(map(roles.count, roles)) <= MOST_OF_A_ROLE
    names = {one["name"] for one in body["people"]}
    assert not {"Max Blocked", "Nina New"} & names
    for one in body["people"]:
        claims = jwt.decode(one["token"], SETTINGS.secrets["JWT_SECRET"], algorithms=["HS256"])
        assert (claims["sub"], claims["role"]) == (one["id"], one["role"])


def test_a_request_with_another_host_name_gets_no_tokens() -> None:
    request = make_mocked_request("GET", TOKENS, headers={"Host": "evil.example:8000"})
    answer = Pages(SETTINGS, PEOPLE).answer(request)
    assert answer
    assert answer.status == 404


def test_every_file_that_the_pages_load_is_copied(tmp_path: Path) -> None:
    assemble(tmp_path)
    for name, source in COPIED.items():
        assert (tmp_path / name).read_bytes() == source.read_bytes()


def test_every_link_and_import_of_a_page_leads_to_a_file() -> None:
    for page in [*SITE.glob("*.html"), *SITE.glob("app/*.js")]:
        text = re.sub(r"<pre>.*?</pre>", "", page.read_text(), flags=re.DOTALL)  # examples
        found = re.findall(r'(?:src|href)="(/[^"#]*)"|(?:from |import\()"([^"\n]+)"\)?;', text)
        for absolute, imported in found:
            path = absolute or imported
            if path.startswith("./"):
                path = f"/app/{path[2:]}"
            name = path.strip("/") or "index"
            candidates = [SITE / name, SITE / f"{name}.html"]
            assert name in COPIED or any(one.is_file() for one in candidates), (page.name, path)
