"""One fixture for both drivers, so that each test runs with each of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import aiohttp
import pytest
from google.oauth2.service_account import Credentials

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.method import NoReply, Reply, Request
from airflow_dataflow_ext.api.rest.steps import Conversation
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.transport.aio import AsyncTransport
from airflow_dataflow_ext.transport.effects import MemoryStore, effects_of
from airflow_dataflow_ext.transport.sync import SyncTransport
from airflow_dataflow_ext.transport.tokens import GoogleTokens, Tokens

T = TypeVar("T")
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


class SyncDriver:
    """Sends requests and runs conversations, with a new transport each time."""

    def __init__(self, root: str, tokens: Tokens, timeout: float = 5.0) -> None:
        self.root, self.tokens, self.timeout = root, tokens, timeout
        self.effects = effects_of(logging.getLogger(__name__), MemoryStore())

    def send(self, request: Request) -> Reply | NoReply:
        return SyncTransport(self.root, self.tokens, timeout=self.timeout).send(request)

    def run(self, conversation: Conversation[T]) -> T:
        return SyncTransport(self.root, self.tokens, timeout=self.timeout).run(conversation, self.effects)


class AsyncDriver(SyncDriver):
    """Does the same on an event loop."""

    def send(self, request: Request) -> Reply | NoReply:
        return self._with(lambda transport: transport.send(request))

    def run(self, conversation: Conversation[T]) -> T:
        return self._with(lambda transport: transport.run(conversation, self.effects))

    def _with(self, use: Callable[[AsyncTransport], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            async with aiohttp.ClientSession() as session:
                return await use(AsyncTransport(self.root, self.tokens, timeout=self.timeout, session=session))

        return asyncio.run(run())


@pytest.fixture(params=[SyncDriver, AsyncDriver])
def driver_of(request: pytest.FixtureRequest) -> Callable[..., SyncDriver]:
    """The class of a driver; each test runs with the synchronous and the asynchronous one."""
    made: Callable[..., SyncDriver] = request.param
    return made


@pytest.fixture
def credentials(emulator: Emulator) -> Credentials:
    """A service account that the emulator knows."""
    return Credentials.from_service_account_info(emulator.service_account_key(), scopes=SCOPES)  # type: ignore[no-any-return]


@pytest.fixture
def driver(driver_of: Callable[..., SyncDriver], emulator: Emulator, credentials: Credentials) -> SyncDriver:
    """A driver that calls the emulator as the service account."""
    return driver_of(emulator.url, GoogleTokens(credentials))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the pauses between retries to a hundredth of a second."""
    monkeypatch.setattr(budgets, "FIRST_PAUSE", 0.01)
