"""Stored values that somebody has damaged: each spoils nothing but itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from airflow_dataflow_ext.api.jobs.facts import FACTS_KEY, SUMMARY_KEY
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.plugin import wave_views
from tests.airflow_task import needs_3_3
from tests.plugin.conftest import Browser, Ran

Run = Callable[..., Ran]
PANELS = ("", "/graph", "/metrics", "/lineage", "/messages", "/why", "/earlier")
ODD: tuple[Any, ...] = (None, 5, [1], float("nan"), "\ud800")


def change(job: Ran, key: str, change: Callable[[Any], Any]) -> Any:
    """Change what the task has stored under a key, and return it."""
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        row = session.scalar(select(TaskStateStoreModel).where(TaskStateStoreModel.run_id == job.run_id, TaskStateStoreModel.key == key))
        value = change(json.loads(row.value))
        row.value = json.dumps(value)
    return value


def refused(see: Browser, job: Ran) -> set[str]:
    """The panels, and the list, that are not answered."""
    wanted = {panel: see.get(f"/dags/{job.dag_id}/job{panel}", **job.query) for panel in PANELS}
    return {name for name, reply in {**wanted, "list": see.get("/jobs", dag_id=job.dag_id)}.items() if reply.status_code != 200}


@needs_3_3
@pytest.mark.parametrize(("key", "live"), [(SUMMARY_KEY, "False"), (FACTS_KEY, "False"), ("launch", "True")])
def test_a_damaged_value_leaves_every_panel_answered(
    emulator: Emulator, ran: Run, see: Browser, monkeypatch: pytest.MonkeyPatch, key: str, live: str
) -> None:
    monkeypatch.setenv("AIRFLOW__AIRFLOW_DATAFLOW_EXT__UI_LIVE", live)
    job = ran("damaged", wait_until_finished=True)
    whole = change(job, key, lambda value: value)
    for name in (*whole, "nodes"):
        for odd in ODD:
            change(job, key, lambda _, name=name, odd=odd: {**whole, name: odd})
            assert refused(see, job) == set(), (name, odd)


@needs_3_3
def test_a_damaged_summary_is_the_only_one_that_is_not_listed(emulator: Emulator, ran: Run, see: Browser) -> None:
    jobs = [ran("some_damaged") for _ in range(2)]
    change(jobs[0], SUMMARY_KEY, lambda value: {**value, "place": None})
    assert [row["run_id"] for row in see.get("/jobs", dag_id="some_damaged").json()["rows"]] == [jobs[1].run_id]
    assert see.see(jobs[0])["now"]["source"] == "live"  # by the launch record


@pytest.mark.parametrize("odd", [*ODD, "inf", 10**400])
def test_rows_that_are_no_numbers_are_not_reported(odd: Any) -> None:
    node = {"id": "1", "inputRows": odd, "outputRows": {"processedCount": odd}, "duration": odd}
    (seen,) = wave_views.graph([node], None)["nodes"]
    assert (seen["in_rows"], seen["out_rows"], seen["duration"]) == (None, *((5, 5.0) if odd == 5 else (None, None)))
