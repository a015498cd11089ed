"""Tests of root URLs and of the session that leads there."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.transport.endpoint import check_root, is_loopback, session_for


@pytest.mark.parametrize(
    "url",
    [
        "https://dataflow.googleapis.com",
        "https://dataflow.example.com:8443/base/",
        "http://localhost:8080",
        "http://127.0.0.1:8080/",
        "http://127.8.9.1",
        "http://[::1]:8080",
    ],
)
def test_https_anywhere_and_http_on_this_machine_are_taken(url: str) -> None:
    assert check_root(url, "x") == url.rstrip("/")


@pytest.mark.parametrize(
    "url", ["http://dataflow.googleapis.com", "http://10.0.0.1", "http://localhost.example.com", "http://0.0.0.0", "http://[::2]"]
)
def test_http_to_elsewhere_would_show_the_token(url: str) -> None:
    with pytest.raises(InvalidInputError, match="DATAFLOW_ENDPOINT: plain http would show the token"):
        check_root(url, "DATAFLOW_ENDPOINT")


@pytest.mark.parametrize(
    "url",
    ["", "dataflow.googleapis.com", "ftp://x", "https://", "https://x?y=1", "https://x#y", "https://me@x", "file:///etc/passwd", "://"],
)
def test_what_is_no_address_is_refused_by_its_source(url: str) -> None:
    with pytest.raises(InvalidInputError, match="dataflow_endpoint must be an address"):
        check_root(url, "dataflow_endpoint")


@pytest.mark.parametrize(
    ("host", "here"), [("localhost", True), ("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("example.com", False)]
)
def test_what_is_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) is here


def test_proxies_and_certificates_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example.com")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ca.pem")
    with session_for("https://dataflow.googleapis.com") as session:
        assert session.proxies["https"] == "http://proxy.example.com:3128"
        assert session.verify == "/etc/ca.pem"
    with session_for("https://inside.example.com") as session:
        assert not session.proxies


def test_without_an_environment_certificates_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    assert session_for("https://dataflow.googleapis.com").verify is True


def test_netrc_does_not_replace_the_token(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    token = emulator.tokens.issue()
    with session_for(emulator.url) as session:
        reply = session.get(f"{emulator.url}/v1b3/projects/a-project/jobs", headers={"Authorization": f"Bearer {token}"}, timeout=5)
        assert reply.request.headers["Authorization"] == f"Bearer {token}"
    assert reply.status_code == 200
