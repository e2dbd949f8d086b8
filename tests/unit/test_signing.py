"""Our signatures against botocore's own, byte for byte."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Theirs
from hypothesis import given
from hypothesis import strategies as st

from shared import signing
from shared.signing import Credentials, Signer, current_credentials

MOMENT = 1_790_000_000
PLAIN = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)
OF_A_ROLE = PLAIN._replace(token="IQoJb3JpZ2luX2VjE+/==")


def theirs(credentials: Credentials, service: str, request: AWSRequest) -> dict[str, str]:
    """What botocore adds to a request at the same moment."""
    signer = SigV4Auth(Theirs(*credentials), service, "eu-central-1")
    with pytest.MonkeyPatch.context() as patch:
        moment = dt.datetime.fromtimestamp(MOMENT, dt.UTC)
        patch.setattr("botocore.auth.get_current_datetime", lambda: moment)
        signer.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def check(
    credentials: Credentials, service: str, method: str, path: str, body: bytes, **more: str
) -> None:
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    request = AWSRequest(method, f"https://a.example{path}", headers=headers, data=body)
    expected = theirs(credentials, service, request)
    ours = Signer(service, "eu-central-1").sign(
        credentials, method, path, {**headers, "host": "a.example"}, body, moment=MOMENT
    )
    assert {name: ours[name] for name in expected} == expected


@pytest.mark.parametrize("credentials", [PLAIN, OF_A_ROLE])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize(
    "path",
    ["/", "/prod/@connections/abc%3D", "/%40connections/Zk9-_.~x%2B%2F%3D", "/a/b%3Ac/invocations"],
)
def test_a_request_is_signed_as_botocore_signs_it(
    credentials: Credentials, method: str, path: str
) -> None:
    check(credentials, "execute-api", method, path, b"" if method == "GET" else b'42["a"]')


@given(
    body=st.binary(max_size=200),
    connection=st.text("abcXYZ019-_", min_size=1, max_size=20),
    target=st.text("abcXYZ._019", min_size=1, max_size=20),
)
def test_any_body_path_and_header(body: bytes, connection: str, target: str) -> None:
    path = f"/stage/@connections/{connection}%3D"
    check(OF_A_ROLE, "dynamodb", "POST", path, body, x_amz_target=target, content_type="a/b-1.0")


def test_the_derived_key_is_of_one_day_region_and_service() -> None:
    keys = {
        signing._key("secret", day, region, service)
        for day in ("20260101", "20260102")
        for region in ("us-east-1", "eu-west-1")
        for service in ("dynamodb", "sqs")
    }
    assert len(keys) == 8


def test_the_role_is_read_for_every_request(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in ("1", "2"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"key{number}")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"secret{number}")
        monkeypatch.setenv("AWS_SESSION_TOKEN", f"token{number}")
        assert current_credentials() == (f"key{number}", f"secret{number}", f"token{number}")


def test_elsewhere_botocore_finds_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = here\naws_secret_access_key = too\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    signing._renewed_by_botocore.cache_clear()
    assert current_credentials() == ("here", "too", None)
    signing._renewed_by_botocore.cache_clear()
