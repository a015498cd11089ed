"""Tests of bearer tokens: when they are fetched, and what happens when none can be had."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import aiohttp
import pytest
from google.auth.credentials import AnonymousCredentials
from google.oauth2.service_account import Credentials

from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.rest import budgets, errors
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.method import NoReply, Reply
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.transport.aio import AsyncTransport
from airflow_dataflow_ext.transport.tokens import GoogleTokens, SessionTokens
from tests.transport.conftest import SCOPES, SyncDriver

LIST = Job.list.request(projectId="p", location="us-central1")


@pytest.fixture
def strict() -> Emulator:  # type: ignore[misc]
    """An emulator that lets nobody in without a token."""
    with Emulator(auth="required", strict_faults=True) as running:
        yield running


def service_account(emulator: Emulator, **changes: str) -> Credentials:
    return Credentials.from_service_account_info({**emulator.service_account_key(), **changes}, scopes=SCOPES)  # type: ignore[no-any-return]


def fetched(emulator: Emulator) -> int:
    return emulator.requests.counts.get("oauth.token", 0)


def test_one_token_serves_many_calls(driver_of: Callable[..., SyncDriver], strict: Emulator) -> None:
    driver = driver_of(strict.url, GoogleTokens(service_account(strict)))
    for _ in range(3):
        assert driver.run(ask(LIST)) == {}
    assert fetched(strict) == 1


def test_an_expired_token_is_replaced_once(driver_of: Callable[..., SyncDriver], strict: Emulator) -> None:
    driver = driver_of(strict.url, GoogleTokens(service_account(strict)))
    driver.run(ask(LIST))
    strict.tokens.expire()
    assert driver.run(ask(LIST)) == {}
    assert (fetched(strict), strict.requests.counts["jobs.list"]) == (2, 3)


def test_the_quota_project_goes_along(strict: Emulator) -> None:
    headers = GoogleTokens(service_account(strict).with_quota_project("payer")).headers()
    assert headers["x-goog-user-project"] == "payer"
    assert headers["authorization"].startswith("Bearer ya29.")


def test_many_who_find_the_token_stale_fetch_one(strict: Emulator) -> None:
    tokens = GoogleTokens(service_account(strict))

    async def run() -> None:
        async with aiohttp.ClientSession() as session:
            transport = AsyncTransport(strict.url, tokens, timeout=5.0, session=session)
            answers = await asyncio.gather(*(transport.send(LIST) for _ in range(20)))
        assert [answer.status for answer in answers if isinstance(answer, Reply)] == [200] * 20

    asyncio.run(run())
    assert fetched(strict) == 1


def test_a_slow_token_service_does_not_hold_up_the_event_loop(strict: Emulator) -> None:
    strict.faults.add("oauth.token", delay=3)
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - began)

    async def run() -> None:
        watching = asyncio.create_task(watch())
        await asyncio.sleep(0.05)
        async with aiohttp.ClientSession() as session:
            await AsyncTransport(strict.url, GoogleTokens(service_account(strict)), timeout=60.0, session=session).send(LIST)
        await asyncio.sleep(0.05)
        watching.cancel()

    asyncio.run(run())
    assert longest < 2


def test_anonymous_credentials_send_no_token(driver_of: Callable[..., SyncDriver], emulator: Emulator) -> None:
    tokens = GoogleTokens(AnonymousCredentials())
    assert driver_of(emulator.url, tokens).run(ask(LIST)) == {}
    assert (tokens.headers(), fetched(emulator)) == ({}, 0)


def test_anonymous_credentials_where_a_token_is_needed_are_an_error(driver_of: Callable[..., SyncDriver], strict: Emulator) -> None:
    with pytest.raises(errors.NotAuthenticatedError):
        driver_of(strict.url, GoogleTokens(AnonymousCredentials())).run(ask(LIST))


def test_a_token_service_that_is_down_is_silence(
    driver_of: Callable[..., SyncDriver], strict: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # google-auth has pauses of its own
    tokens = GoogleTokens(service_account(strict, token_uri="http://127.0.0.1:9/token"))
    answer = driver_of(strict.url, tokens).send(LIST)
    assert isinstance(answer, NoReply)
    assert (answer.sent, answer.nobody) == (False, True)
    assert "nothing listens at 127.0.0.1:9" in answer.reason


def test_a_token_service_in_trouble_is_silence(
    driver_of: Callable[..., SyncDriver], strict: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    strict.faults.add("oauth.token", status=503, times=None)
    answer = driver_of(strict.url, GoogleTokens(service_account(strict))).send(LIST)
    assert isinstance(answer, NoReply)
    assert answer.reason.startswith("TokenUnreachableError: the token service is in trouble")
    assert (answer.sent, answer.nobody) == (False, False)


@pytest.mark.parametrize("kind", ["google", "salesforce"])
def test_late_refusals_of_an_old_token_do_not_cost_the_new_one(strict: Emulator, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Twenty calls leave with one token, which ends; their refusals come back one by one, after the first has brought a new token."""
    logins: list[str] = []
    tokens: GoogleTokens | SessionTokens = SessionTokens(lambda: (logins.append("in") or f"session-{len(logins)}", strict.url))
    if kind == "google":
        tokens = GoogleTokens(service_account(strict))
    old = tokens.headers()
    for _ in range(20):
        tokens.renew()
        new = tokens.headers()
    assert new != old
    assert fetched(strict) + len(logins) == 2
    monkeypatch.setattr(budgets, "TOKEN_FRESH", 0.0)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 60.0)
    tokens.renew()
    assert tokens.headers() not in (old, new)


@pytest.mark.usefixtures("impatient")
def test_a_conversation_outlasts_a_token_service_in_trouble(
    driver_of: Callable[..., SyncDriver], strict: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = GoogleTokens(service_account(strict, token_uri="http://127.0.0.1:9/token"))
    driver = driver_of(strict.url, tokens)
    heal = iter([None, None])
    down = tokens.headers

    def headers() -> dict[str, str]:
        if next(heal, "healed") == "healed":
            tokens._credentials._token_uri = f"{strict.url}/token"
        return down()

    monkeypatch.setattr(tokens, "headers", headers)
    assert driver.run(ask(LIST)) == {}


def test_a_refused_key_is_an_error_without_its_secrets(driver_of: Callable[..., SyncDriver], strict: Emulator) -> None:
    key = strict.service_account_key()
    driver = driver_of(strict.url, GoogleTokens(service_account(strict, client_email="stranger@example.com")))
    with pytest.raises(errors.NotAuthenticatedError) as caught:
        driver.run(ask(LIST))
    text = str(caught.value)
    assert "invalid_grant" in text
    assert "Check the key" in text
    secret_lines = [line for line in key["private_key"].splitlines() if "KEY" not in line]
    assert not any(line in text for line in secret_lines)
    assert "eyJ" not in text  # the signed assertion
    assert strict.requests.counts.get("jobs.list") is None


def test_a_token_that_is_refused_twice_is_an_error(driver_of: Callable[..., SyncDriver], strict: Emulator) -> None:
    strict.faults.add("jobs.list", expired=True, times=2)
    with pytest.raises(errors.NotAuthenticatedError, match="401"):
        driver_of(strict.url, GoogleTokens(service_account(strict))).run(ask(LIST))
    assert fetched(strict) == 2
