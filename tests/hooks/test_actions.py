"""Every action of the service through the hook, in both forms, with requests and replies held against the discovery document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dataflow_ext.api.dataflow.methods import all_methods
from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator import Emulator, ManualClock
from tests.asking import PROJECT
from tests.discovery import breaches_of_call
from tests.emulator.dataflow.test_methods import BODIES, World, query_of
from tests.hooks.conftest import Use, now

if TYPE_CHECKING:
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

METHODS = list(all_methods())
WIDE = [method for method in METHODS if method.wide is not None]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def emulator(clock: ManualClock) -> Iterator[Emulator]:
    """An emulator whose jobs stand still while a test asks."""
    with Emulator(clock=clock, strict_faults=True) as running:
        yield running


@pytest.fixture
def world(emulator: Emulator, clock: ManualClock) -> World:
    return World(emulator, clock)


@pytest.fixture
def hook(connect: Callable[..., None]) -> DataflowHook:
    """A hook without credentials: signing in is tested beside this."""
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    connect(project=PROJECT, key_path=None, is_anonymous=True)
    return DataflowHook()


def check(world: World, hook: DataflowHook, use: Use, method: Method, **place: Any) -> None:
    path = {name: value for name, value in world.values().items() if name in method.placeholders and name not in ("projectId", "location")}
    query = query_of(method, world)
    world.emulator.requests.clear()
    reply = use(hook.call, method, BODIES[method.id] if method.body else None, **path, **query, **place)
    asked = list(world.emulator.requests)
    assert [(entry.method, entry.status) for entry in asked] == [(method.id, 200)]
    assert breaches_of_call(asked[0].verb, asked[0].path, asked[0].query, asked[0].body, reply) == []
    assert asked[0].query == query
    assert ("/locations/us-central1/" in asked[0].path) == ("location" in method.placeholders and not place)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_every_action_is_called_where_the_connection_says(method: Method, world: World, hook: DataflowHook, use: Use) -> None:
    check(world, hook, use, method)


@pytest.mark.parametrize("use", [now], ids=["sync"])
@pytest.mark.parametrize("method", WIDE, ids=lambda method: method.id)
def test_an_action_is_called_without_a_location_when_that_is_asked_for(method: Method, world: World, hook: DataflowHook, use: Use) -> None:
    check(world, hook, use, method, location="")


def test_the_42_paths_are_all_of_them() -> None:
    assert len(METHODS) + len(WIDE) == 42
