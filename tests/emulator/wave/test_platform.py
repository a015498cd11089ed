"""What Salesforce's own clients ask of any org: the command line logs in, and asks who it is."""

from __future__ import annotations

import hmac
from base64 import b64encode
from typing import Any

import pytest
import requests

from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.wave.login import CONSUMER_KEY, CONSUMER_SECRET, PASSWORD, USERNAME

PASSWORD_FORM = {
    "grant_type": "password",
    "client_id": CONSUMER_KEY,
    "client_secret": CONSUMER_SECRET,
    "username": USERNAME,
    "password": PASSWORD,
}


def token(emulator: Emulator) -> dict[str, str]:
    reply: dict[str, str] = requests.post(f"{emulator.url}/services/oauth2/token", data=PASSWORD_FORM, timeout=60).json()
    return reply


def get(emulator: Emulator, path: str, session: str | None = None) -> requests.Response:
    session = session or token(emulator)["access_token"]
    return requests.get(f"{emulator.url}{path}", headers={"Authorization": f"Bearer {session}"}, timeout=60)


def test_the_reply_of_a_login_says_whose_token_it_is_and_is_signed(emulator: Emulator) -> None:
    reply = token(emulator)
    signed = hmac.digest(CONSUMER_SECRET.encode(), (reply["id"] + reply["issued_at"]).encode(), "sha256")
    assert reply["signature"] == b64encode(signed).decode()
    assert "wave_api" in reply["scope"].split()
    assert (reply["instance_url"], reply["token_type"]) == (emulator.url, "Bearer")
    identity = get(emulator, reply["id"].removeprefix(emulator.url)).json()
    assert (identity["id"], identity["username"]) == (reply["id"], USERNAME)


def test_the_command_line_finds_out_who_has_logged_in(emulator: Emulator) -> None:
    info = get(emulator, "/services/oauth2/userinfo").json()
    assert info["preferred_username"] == USERNAME
    user = get(emulator, f"/services/data/v51.0/sobjects/User/{info['user_id']}").json()
    assert (user["Id"], user["Username"]) == (info["user_id"], USERNAME)
    assert get(emulator, "/services/data/v51.0/sobjects/User/005000000000001").status_code == 404


@pytest.mark.parametrize("path", ["/services/data", "/services/data/", "//services/data", "////services/data"])
def test_the_versions_are_listed_without_a_session_however_many_slashes_there_are(emulator: Emulator, path: str) -> None:
    versions: list[dict[str, Any]] = requests.get(f"{emulator.url}{path}", timeout=60).json()
    assert versions[-1] == {"label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0"}
    assert {"label": "Summer '23", "url": "/services/data/v58.0", "version": "58.0"} in versions


def test_the_resources_of_a_version_name_analytics(emulator: Emulator) -> None:
    assert get(emulator, "/services/data/v59.0").json()["wave"] == "/services/data/v59.0/wave"


@pytest.mark.parametrize("path", ["", "/wave/dataflowjobs", "/sobjects/User/005EM0000000001"])
def test_a_version_that_the_org_does_not_have_yet_is_404(emulator: Emulator, path: str) -> None:
    response = get(emulator, f"/services/data/v99.0{path}")
    assert response.status_code == 404
    assert response.json() == [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}]


@pytest.mark.parametrize("path", ["oauth2/userinfo", "data/v59.0", "data/v59.0/sobjects/User/005EM0000000001"])
def test_without_a_session_nobody_is_said_who_has_logged_in(emulator: Emulator, path: str) -> None:
    response = get(emulator, f"/services/{path}", "bad")
    assert (response.status_code, response.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


@pytest.mark.parametrize("encoded", ["//79", "!", "", "YQ=="])
def test_basic_credentials_that_are_no_text_are_400(emulator: Emulator, encoded: str) -> None:
    form, headers = {"grant_type": "client_credentials"}, {"Authorization": f"Basic {encoded}"}
    response = requests.post(f"{emulator.url}/services/oauth2/token", data=form, headers=headers, timeout=60)
    assert (response.status_code, response.json()["error"][:14]) == (400, "invalid_client")


@pytest.mark.parametrize("content", [b"", b"<a", b'<?xml version="1.0" encoding="tea"?><a/>', b"\xff\xfe<a/>"])
def test_a_soap_login_that_cannot_be_read_is_a_soap_fault(emulator: Emulator, content: bytes) -> None:
    response = requests.post(f"{emulator.url}/services/Soap/u/59.0", data=content, timeout=60)
    assert (response.status_code, "INVALID_SOAP" in response.text) == (500, True)


@pytest.mark.parametrize(("name", "text"), [("pageSize", " 5 "), ("pageSize", "1_0"), ("startedAfter", "+5"), ("startedAfter", "nan")])
def test_a_number_in_a_form_that_the_org_does_not_read_is_refused(emulator: Emulator, name: str, text: str) -> None:
    session = token(emulator)["access_token"]
    url = f"{emulator.url}/services/data/v59.0/wave/dataflowjobs"
    response = requests.get(url, params={name: text}, headers={"Authorization": f"Bearer {session}"}, timeout=60)
    assert response.status_code == 400
