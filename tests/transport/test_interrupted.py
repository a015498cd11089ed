"""A signal interrupts a call anywhere, and the kill that follows makes calls of its own, in another thread, while the first one stands."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpcore
import pytest
from google.oauth2.service_account import Credentials

from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.rest.method import Reply
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.transport.sync import SyncTransport
from airflow_dataflow_ext.transport.tokens import GoogleTokens
from tests.asking import LOCATION, PROJECT

LIST = Job.list.request(projectId=PROJECT, location=LOCATION)
WITHIN = 10.0
"""Seconds after which a thread that should have ended waits for a lock."""


@pytest.fixture
def tokens(credentials: Credentials) -> GoogleTokens:
    return GoogleTokens(credentials)


class Interrupted:
    """Runs something in another thread and waits for it, as the handler of a signal does, the first time that it is called."""

    def __init__(self, instead: Callable[..., Any], then: Callable[[], Any]) -> None:
        self.instead, self.then = instead, then
        self.ended: bool | None = None

    def __call__(self, *arguments: Any) -> Any:
        if self.ended is None:
            self.ended = False
            thread = threading.Thread(target=self.then, daemon=True)
            thread.start()
            thread.join(WITHIN)
            self.ended = not thread.is_alive()
        return self.instead(*arguments)


def test_a_kill_can_call_while_the_interrupted_call_holds_its_client(
    emulator: Emulator, tokens: GoogleTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = SyncTransport(emulator.url, tokens, timeout=5.0)
    assert isinstance(transport.send(LIST), Reply)  # there is a token
    replies: list[Any] = []
    pool = httpcore.ConnectionPool
    name = "_assign_requests_to_connections"  # which is called with the pool's lock held
    interrupted = Interrupted(getattr(pool, name), lambda: replies.append(transport.send(LIST)))
    monkeypatch.setattr(pool, name, lambda self: interrupted(self))
    first = transport.send(LIST)
    assert interrupted.ended
    assert [type(reply) for reply in (first, *replies)] == [Reply, Reply]


def test_a_kill_can_call_while_the_interrupted_call_looks_at_the_token(emulator: Emulator, tokens: GoogleTokens) -> None:
    transport = SyncTransport(emulator.url, tokens, timeout=5.0)
    assert isinstance(transport.send(LIST), Reply)  # there is a token
    with tokens._lock:
        thread = threading.Thread(target=transport.send, args=[LIST], daemon=True)
        thread.start()
        thread.join(WITHIN)
        assert not thread.is_alive()


def test_a_thread_keeps_its_client(emulator: Emulator, tokens: GoogleTokens) -> None:
    transport = SyncTransport(emulator.url, tokens, timeout=5.0)
    assert all(isinstance(transport.send(LIST), Reply) for _ in range(3))
    assert len(transport._clients) == 1
