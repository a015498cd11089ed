"""Fixtures for hooks: a connection to the emulator, a hook, and a function that calls a hook's method synchronously or with ``aio``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.google.oauth import PROJECT

if TYPE_CHECKING:
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

Use = Callable[..., Any]
CONNECTION = "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An emulator that refuses requests without a token."""
    with Emulator(auth="required", strict_faults=True) as running:
        yield running


@pytest.fixture
def connect(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """A function that sets the default connection, with the key in a file; an extra with the value None is left out."""
    key = tmp_path / "key.json"
    key.write_text(json.dumps(emulator.service_account_key()))

    def connect(**extras: Any) -> None:
        extra: dict[str, Any] = {"project": PROJECT, "dataflow_endpoint": emulator.url, "key_path": str(key)}
        extra = {name: value for name, value in {**extra, **extras}.items() if value is not None}
        monkeypatch.setenv(CONNECTION, json.dumps({"conn_type": "google_cloud_platform", "extra": extra}))

    return connect


@pytest.fixture
def hook(connect: Callable[..., None]) -> DataflowHook:
    """A hook for the emulator."""
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    connect()
    return DataflowHook()


def now(verb: Any, *args: Any, **kwargs: Any) -> Any:
    """Call a hook's method."""
    return verb(*args, **kwargs)


def awaited(verb: Any, *args: Any, **kwargs: Any) -> Any:
    """Call and await the ``aio`` form of a hook's method."""
    return asyncio.run(verb.aio(*args, **kwargs))


@pytest.fixture(params=[now, awaited], ids=["sync", "async"])
def use(request: pytest.FixtureRequest) -> Use:
    """``use(hook.get_job, ...)``; each test runs with both forms."""
    form: Use = request.param
    return form
