"""Tests of root URLs and of what leads there."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import certifi
import httpx
import pytest

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.transport.endpoint import certificates_for, check_root, client_for, failure, is_loopback, proxy_for
from airflow_dataflow_ext.transport.sessions import session_for


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
    [
        *[
            "",
            "dataflow.googleapis.com",
            "ftp://x",
            "https://",
            "https://x?y=1",
            "https://x#y",
            "https://me@x",
            "file:///etc/passwd",
            "://",
        ],
        *[
            "http://localhost:abc",
            "http://localhost:99999",
            "http://localhost:0",
            "http://localhost:-1",
            "http://[::1",
            "https://a b",
            "http:///x",
        ],
    ],
)
def test_what_is_no_address_is_refused_by_its_source(url: str) -> None:
    with pytest.raises(InvalidInputError, match="dataflow_endpoint must be an address"):
        check_root(url, "dataflow_endpoint")


@pytest.mark.parametrize("url", ["https://me:secret@x", "http://me:secret@localhost:abc", "//me:secret@x"])
def test_a_password_in_an_address_is_not_shown(url: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_root(url, "dataflow_endpoint")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "here"), [("localhost", True), ("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("example.com", False)]
)
def test_what_is_this_machine(host: str, here: bool) -> None:
    assert is_loopback(host) is here


@pytest.fixture
def proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment with a proxy, and with exceptions from it."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com:3128")
    monkeypatch.setenv("HTTP_PROXY", "plain.example.com:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example.com, .corp.example.com,10.1.0.0/16")


@pytest.mark.usefixtures("proxies")
@pytest.mark.parametrize(
    ("root", "proxy"),
    [
        ("https://dataflow.googleapis.com", "http://proxy.example.com:3128"),
        ("https://10.2.0.1", "http://proxy.example.com:3128"),
        ("http://127.0.0.1:8080", "http://plain.example.com:3128"),
        ("https://inside.example.com:8443", None),
        ("https://dataflow.corp.example.com", None),
        ("https://10.1.2.3:8443", None),
    ],
)
def test_the_proxy_of_the_environment(root: str, proxy: str | None) -> None:
    assert proxy_for(root) == proxy
    assert session_for(root, 5.0).proxies == ({root.split(":")[0]: proxy} if proxy else {})


@pytest.mark.usefixtures("proxies")
def test_a_call_goes_through_the_proxy(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", emulator.url)  # takes what is meant for others, as a proxy does
    with client_for("http://127.0.0.2:9", timeout=5.0) as client:
        assert client.get("http://127.0.0.2:9/v1b3/projects/a-project/jobs").json() == {}


def authorities(folder: Path) -> Path:
    """A file with one certificate authority, out of those that are usual."""
    first = Path(certifi.where()).read_text("utf-8").partition("-----END CERTIFICATE-----\n")
    found = folder / "ca.pem"
    found.write_text("".join(first[:2]), "utf-8")
    return found


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificates_are_checked_by_the_authorities_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(name, str(authorities(tmp_path)))
    assert len(certificates_for("https://dataflow.googleapis.com").get_ca_certs()) == 1
    assert session_for("https://dataflow.googleapis.com", 5.0).verify == str(tmp_path / "ca.pem")


def test_authorities_that_are_replaced_while_the_process_runs_are_loaded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = authorities(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    before = certificates_for("https://dataflow.googleapis.com")
    assert certificates_for("https://crm.example.com") is before
    shutil.copyfile(certifi.where(), bundle)
    assert len(certificates_for("https://dataflow.googleapis.com").get_ca_certs()) > 50


def test_a_folder_of_authorities_is_taken_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authorities(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    assert certificates_for("https://dataflow.googleapis.com").get_ca_certs() == []  # they are read when they are looked for


def test_without_an_environment_the_usual_authorities_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    context = certificates_for("https://dataflow.googleapis.com")
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert len(context.get_ca_certs()) > 50
    assert session_for("https://dataflow.googleapis.com", 5.0).verify is True


def test_no_certificate_is_good_where_no_tls_was_meant() -> None:
    context = certificates_for("http://127.0.0.1")
    assert (context.verify_mode, context.check_hostname, context.get_ca_certs()) == (ssl.CERT_REQUIRED, True, [])


def test_netrc_does_not_replace_the_token(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    authorization = {"Authorization": f"Bearer {emulator.tokens.issue()}"}
    url = f"{emulator.url}/v1b3/projects/a-project/jobs"
    with client_for(emulator.url, timeout=5.0) as client, session_for(emulator.url, 5.0) as session:
        replies = client.get(url, headers=authorization), session.get(url, headers=authorization)
    assert [(reply.status_code, reply.request.headers["Authorization"]) for reply in replies] == [(200, authorization["Authorization"])] * 2


@pytest.mark.usefixtures("proxies")
def test_a_failure_names_the_place_and_the_proxy_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@127.0.0.1:9")
    for host, told in (("dataflow.example.com", "dataflow.example.com through the proxy 127.0.0.1:9"), ("[::1]:9", "[::1]:9")):
        monkeypatch.setenv("NO_PROXY", "[::1]")
        with client_for(f"https://{host}", timeout=5.0) as client, pytest.raises(httpx.ConnectError) as failed:
            client.get(f"https://{host}")
        assert failure(failed.value).startswith("ConnectError: ")
        assert failure(failed.value).endswith(f"({told})")
