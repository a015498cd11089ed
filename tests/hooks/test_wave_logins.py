"""Every login flow of the Salesforce provider, with simple_salesforce's own code, reaches the API; and no secret leaks on the way."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
import requests

from airflow_dataflow_ext.api.rest.errors import InvalidInputError, NoAnswerError, NotAuthenticatedError
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.wave.login import CONSUMER_KEY, CONSUMER_SECRET, ORGANIZATION, PASSWORD, SECURITY_TOKEN, USERNAME
from airflow_dataflow_ext.transport.sessions import LocalAdapter

Use = Callable[..., Any]
Json = dict[str, Any]
CONNECTION = "AIRFLOW_CONN_SALESFORCE_DEFAULT"
USER = {"login": USERNAME, "password": PASSWORD}
APP = {"consumer_key": CONSUMER_KEY, "consumer_secret": CONSUMER_SECRET}


class Spy(LocalAdapter):
    """What simple_salesforce sends to any https host goes to the emulator; what was sent is kept as it was meant."""

    sent: list[requests.PreparedRequest]

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.sent.append(request.copy())
        assert kwargs["timeout"], "a login without a timeout"
        return super().send(request, *args, **kwargs)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[requests.PreparedRequest]:
    """The requests of logins, before they are led to the emulator."""
    from airflow_dataflow_ext.hooks import salesforce

    requests_sent: list[requests.PreparedRequest] = []
    monkeypatch.setattr(Spy, "sent", requests_sent, raising=False)
    monkeypatch.setattr(salesforce, "LocalAdapter", Spy)
    return requests_sent


@pytest.fixture
def connect(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Makes a hook of a connection to the emulator."""

    def connect(user: Json, extra: Json, **arguments: Any) -> Any:
        from airflow_dataflow_ext.hooks.wave import WaveHook

        connection = {"conn_type": "salesforce", **user, "extra": {"instance_url": emulator.url, **extra}}
        monkeypatch.setenv(CONNECTION, json.dumps(connection))
        return WaveHook(**{"retry_for": 5.0, **arguments})

    return connect


FLOWS: dict[str, tuple[Json, Json, str]] = {
    "password and token": (USER, {"security_token": SECURITY_TOKEN}, "https://login.salesforce.com/services/Soap/u/59.0"),
    "password and token, sandbox": (
        USER,
        {"security_token": SECURITY_TOKEN, "domain": "test"},
        "https://test.salesforce.com/services/Soap/u/59.0",
    ),
    "password and token, old names": (
        USER,
        {"extra__salesforce__security_token": SECURITY_TOKEN, "extra__salesforce__domain": "", "extra__salesforce__version": "61.0"},
        "https://login.salesforce.com/services/Soap/u/61.0",
    ),
    "filtered by IP": (USER, {"organization_id": ORGANIZATION}, "https://login.salesforce.com/services/Soap/u/59.0"),
    "OAuth password": (USER, APP, "https://login.salesforce.com/services/oauth2/token"),
    "JWT": (
        {"login": USERNAME},
        {"consumer_key": CONSUMER_KEY, "private_key": "KEY"},
        "https://login.salesforce.com/services/oauth2/token",
    ),
    "client credentials": ({}, {**APP, "domain": "acme.my"}, "https://acme.my.salesforce.com/services/oauth2/token"),
}


def with_key(emulator: Emulator, extra: Json) -> Json:
    key = emulator.service_account_key()["private_key"]
    return {name: key if value == "KEY" else value for name, value in extra.items()}


@pytest.mark.parametrize("flow", FLOWS)
def test_each_login_flow_reaches_the_api(
    emulator: Emulator, connect: Callable[..., Any], sent: list[requests.PreparedRequest], use: Use, flow: str
) -> None:
    user, extra, url = FLOWS[flow]
    hook = connect(user, with_key(emulator, extra))
    assert use(hook.list_dataflows)
    assert [request.url for request in sent] == [url]


@pytest.mark.parametrize("flow", FLOWS)
def test_each_login_flow_logs_in_again(emulator: Emulator, connect: Callable[..., Any], use: Use, flow: str) -> None:
    user, extra, _ = FLOWS[flow]
    hook = connect(user, with_key(emulator, extra))
    use(hook.list_dataflows)
    emulator.wave.sessions.expire()
    assert use(hook.list_dataflows)


def test_the_jwt_is_signed_for_the_login_host_and_short_lived(
    emulator: Emulator, connect: Callable[..., Any], sent: list[requests.PreparedRequest], tmp_path: Path
) -> None:
    file = tmp_path / "key.pem"
    file.write_text(emulator.service_account_key()["private_key"])
    connect({"login": USERNAME}, {"consumer_key": CONSUMER_KEY, "private_key_file_path": str(file), "domain": "test"}).list_dataflows()
    body = sent[0].body
    form = parse_qs(body if isinstance(body, str) else str(body))
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    public_key = emulator._account.public_key()
    claims = jwt.decode(form["assertion"][0], public_key, algorithms=["RS256"], audience="https://test.salesforce.com")
    assert (claims["iss"], claims["sub"]) == (CONSUMER_KEY, USERNAME)


def test_a_jwt_of_another_key_is_refused(emulator: Emulator, connect: Callable[..., Any]) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key = other.private_bytes(*form).decode()
    with pytest.raises(NotAuthenticatedError, match="invalid_grant"):
        connect({"login": USERNAME}, {"consumer_key": CONSUMER_KEY, "private_key": key}).list_dataflows()


def test_a_given_session_is_used_as_it_is_and_its_end_is_clear(emulator: Emulator, connect: Callable[..., Any], use: Use) -> None:
    session_id = emulator.wave.sessions.issue()
    for hook in (connect({}, {}, session_id=session_id), connect({}, {"session_id": session_id})):
        assert use(hook.list_dataflows)
    assert not [method for method in emulator.requests.counts if method.startswith("oauth")]
    emulator.wave.sessions.expire()
    with pytest.raises(NotAuthenticatedError, match="nothing in it to log in again with"):
        use(connect({}, {}, session_id=session_id).list_dataflows)


def test_the_instance_of_a_direct_session_is_reached_over_https(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_dataflow_ext.hooks.wave import WaveHook

    for extra in ({"instance_url": "https://acme.my.salesforce.com"}, {"instance": "acme.my.salesforce.com"}):
        monkeypatch.setenv(CONNECTION, json.dumps({"conn_type": "salesforce", "extra": extra}))
        assert WaveHook(session_id="0").root == "https://acme.my.salesforce.com"


@pytest.mark.parametrize("url", ["http://acme.my.salesforce.com", "http://10.0.0.1:8080", "HTTP://acme.example"])
def test_plain_http_elsewhere_is_refused_before_a_login(connect: Callable[..., Any], url: str) -> None:
    with pytest.raises(InvalidInputError, match="plain http"):
        connect(USER, {"security_token": SECURITY_TOKEN, "instance_url": url}).list_dataflows()


@pytest.mark.parametrize("url", ["ftp://localhost:8085", "//localhost:8085", "[::1]:8085", "acme.example:8085", "localhost", "a b"])
def test_what_is_no_address_of_an_instance_is_refused_before_a_login(connect: Callable[..., Any], url: str) -> None:
    with pytest.raises(
        InvalidInputError, match="instance_url of connection 'salesforce_default' must be an address that begins with https://"
    ):
        connect(USER, {"security_token": SECURITY_TOKEN, "instance_url": url}).list_dataflows()


@pytest.mark.parametrize(
    ("user", "extra", "said"),
    [
        ({"login": USERNAME, "password": "wrong"}, {"security_token": SECURITY_TOKEN}, "INVALID_LOGIN"),
        ({"login": USERNAME, "password": "wrong"}, APP, "invalid_grant"),
        (USER, {"organization_id": "00D000000000000"}, "INVALID_ORG_ID"),
        ({}, {**APP, "consumer_secret": "wrong", "domain": "acme.my"}, "invalid_client"),
    ],
)
def test_a_refused_login_says_why_at_once(
    emulator: Emulator, connect: Callable[..., Any], use: Use, user: Json, extra: Json, said: str
) -> None:
    with pytest.raises(NotAuthenticatedError, match=f"refused the login of connection 'salesforce_default': {said}"):
        use(connect(user, extra).list_dataflows)
    assert sum(count for method, count in emulator.requests.counts.items() if method.startswith("oauth")) == 1


@pytest.mark.parametrize(
    ("user", "extra", "said"),
    [
        ({}, {}, "You must provide login information"),
        ({"login": USERNAME}, {"consumer_key": "k", "private_key": "no key"}, "cannot log in"),
        ({"login": USERNAME}, {"consumer_key": "k", "private_key_file_path": "/nowhere/key.pem"}, "private_key_file_path"),
        (USER, {"security_token": SECURITY_TOKEN, "proxies": "not json"}, "proxies of connection"),
        (USER, {"securty_token": SECURITY_TOKEN}, "(its extra has instance_url, securty_token)"),
        (USER, {"security_token": SECURITY_TOKEN, "instance_url": "localhost:8085"}, "instance_url of connection"),
        (USER, {"security_token": SECURITY_TOKEN, "domain": "https://test.salesforce.com"}, "domain of connection"),
        (USER, {"security_token": SECURITY_TOKEN, "domain": "acme.my.salesforce.com"}, "without .salesforce.com"),
    ],
)
def test_a_connection_that_cannot_log_in_is_named(connect: Callable[..., Any], user: Json, extra: Json, said: str) -> None:
    with pytest.raises(InvalidInputError, match="'salesforce_default'") as wrong:
        connect(user, extra).list_dataflows()
    assert said in str(wrong.value)
    assert "salesforce_default" in str(wrong.value)


@pytest.mark.parametrize("form", [dict, json.dumps])
def test_proxies_of_the_connection_are_used_by_logins_and_calls(
    monkeypatch: pytest.MonkeyPatch, form: Callable[..., Any], caplog: pytest.LogCaptureFixture, use: Use
) -> None:
    from airflow_dataflow_ext.hooks.wave import WaveHook

    proxies = {"https": "http://user:proxy-secret@127.0.0.1:9"}  # nothing listens there
    extra = {"security_token": "t", "proxies": form(proxies)}
    monkeypatch.setenv(CONNECTION, json.dumps({"conn_type": "salesforce", **USER, "extra": extra}))
    with caplog.at_level(logging.DEBUG), pytest.raises(NoAnswerError, match=r"Unable to connect to proxy|ProxyError"):
        use(WaveHook(retry_for=0.1).list_dataflows)
    assert "proxy-secret" not in caplog.text
    direct = {"instance": "acme.my.salesforce.com", "session_id": "s", "proxies": form(proxies)}
    monkeypatch.setenv(CONNECTION, json.dumps({"conn_type": "salesforce", "extra": direct}))
    with pytest.raises(NoAnswerError, match=r"[Pp]roxy|127\.0\.0\.1:9"):
        use(WaveHook(retry_for=0.1).list_dataflows)


@pytest.mark.parametrize("flow", FLOWS)
def test_no_secret_is_logged_or_sent_in_a_url(
    emulator: Emulator, connect: Callable[..., Any], caplog: pytest.LogCaptureFixture, flow: str
) -> None:
    user, extra, _ = FLOWS[flow]
    hook = connect(user, with_key(emulator, extra))
    with caplog.at_level(logging.DEBUG):
        hook.list_dataflows()
    key = emulator.service_account_key()["private_key"].splitlines()[1]
    for secret in (PASSWORD, SECURITY_TOKEN, CONSUMER_SECRET, key, hook.conn.session_id):
        assert secret not in caplog.text
        assert all(secret not in f"{entry.path}{entry.query}{entry.body}" for entry in emulator.requests)


def test_soql_of_the_salesforce_hook_goes_to_the_same_place(emulator: Emulator, connect: Callable[..., Any]) -> None:
    from simple_salesforce.exceptions import SalesforceResourceNotFound

    hook = connect(USER, {"security_token": SECURITY_TOKEN})
    hook.list_dataflows()
    with pytest.raises(SalesforceResourceNotFound):
        hook.make_query("SELECT Id FROM Account")
    assert [entry.path for entry in emulator.requests][-1] == "/services/data/v59.0/query/"
