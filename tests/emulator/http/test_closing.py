"""What is left when a server closes: nothing, also of a connection that comes at the same moment."""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.google.gcs import GcsServer


def knock(url: str) -> socket.socket:
    parts = urlsplit(url)
    return socket.create_connection(("127.0.0.1", parts.port or 80))


def dataflow() -> None:
    with Emulator() as emulator:
        client = knock(emulator.url)
    client.close()


def storage() -> None:
    server = GcsServer()
    server.start()
    client = knock(server.url)
    server.stop()
    client.close()


@pytest.mark.parametrize("serve", [dataflow, storage])
def test_a_connection_of_the_last_moment_is_closed(serve: Callable[[], None]) -> None:
    with warnings.catch_warnings(record=True, action="always", category=ResourceWarning) as unclosed:
        for _ in range(5):
            serve()
            gc.collect()
    assert [str(warning.message) for warning in unclosed] == []
