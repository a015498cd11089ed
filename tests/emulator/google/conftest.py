"""A storage emulator, and two ways of asking it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from airflow_dataflow_ext.emulator.google.gcs import GcsServer
from tests.emulator.google.wire import BUCKET, Wire


@pytest.fixture
def server() -> Iterator[GcsServer]:
    """With one bucket."""
    server = GcsServer()
    server.start()
    server.objects.make_bucket(BUCKET)
    yield server
    server.stop()


@pytest.fixture
def client(server: GcsServer) -> Iterator[storage.Client]:
    """Google's own client."""
    client = storage.Client(project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": server.url})
    yield client
    client.close()


@pytest.fixture
def bucket(client: storage.Client) -> storage.Bucket:
    return client.bucket(BUCKET)


@pytest.fixture
def ask(server: GcsServer) -> Wire:
    """Plain HTTP."""
    return Wire(server.url)
