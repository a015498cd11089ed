"""An emulated Cloud Storage, and two clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from airflow_dataflow_ext.emulator.google.gcs import GcsServer
from tests.emulator.google.wire import BUCKET, Wire


@pytest.fixture
def server() -> Iterator[GcsServer]:
    """An emulated Cloud Storage with one bucket."""
    server = GcsServer()
    server.start()
    server.objects.make_bucket(BUCKET)
    yield server
    server.stop()


@pytest.fixture
def client(server: GcsServer) -> Iterator[storage.Client]:
    """Google's client."""
    client = storage.Client(project="p", credentials=AnonymousCredentials(), client_options={"api_endpoint": server.url})
    yield client
    client.close()


@pytest.fixture
def bucket(client: storage.Client) -> storage.Bucket:
    return client.bucket(BUCKET)


@pytest.fixture
def ask(server: GcsServer) -> Wire:
    """A plain HTTP client."""
    return Wire(server.url)
