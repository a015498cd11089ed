"""The list of all jobs: out of both places where summaries are kept, page by page, the running ones first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_dataflow_ext.api.jobs.facts import SUMMARY_KEY, Summary
from airflow_dataflow_ext.emulator import Emulator
from tests.plugin.conftest import Browser, Ran
from tests.plugin.test_job import script

Run = Callable[..., Ran]
SMALL = 2


@pytest.fixture
def several(emulator: Emulator, ran: Run, monkeypatch: pytest.MonkeyPatch) -> list[Ran]:
    """Five runs of a DAG, the oldest first, on pages of two."""
    from airflow_dataflow_ext.plugin import listing

    monkeypatch.setattr(listing, "PAGE", SMALL)
    return [ran("listed") for _ in range(5)]


def keep_as_xcom(job: Ran, summary: Summary) -> None:
    """What a trigger does that ends a task."""
    from airflow.models import DagRun
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == job.dag_id, DagRun.run_id == job.run_id))
        where = {"dag_id": job.dag_id, "run_id": job.run_id, "task_id": job.task_id, "dag_run_id": run.id, "map_index": -1}
        session.merge(XComModel(key=SUMMARY_KEY, value=summary.value(), **where))


def put(job: Ran, state: str) -> None:
    """Put the task itself into a state."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        where = TaskInstance.dag_id == job.dag_id, TaskInstance.run_id == job.run_id
        session.execute(update(TaskInstance).where(*where).values(state=state))


def read(see: Browser, **query: Any) -> tuple[list[str], list[str]]:
    """The runs of all pages, first those of running tasks and then the others."""
    running, rows, cursor = [], [], ""
    for _ in range(20):
        page = see.get("/jobs", dag_id="listed", cursor=cursor, **query).json()
        running += [row["run_id"] for row in page["running"]]
        rows += [row["run_id"] for row in page["rows"]]
        assert len(page["rows"]) <= SMALL
        cursor = page["next"]
        if not cursor:
            return running, rows
    raise AssertionError("the list has no end")


def ids(jobs: list[Ran]) -> list[str]:
    return [job.run_id for job in jobs]


def test_the_pages_together_hold_each_job_once_the_newest_first(see: Browser, several: list[Ran]) -> None:
    running, rows = read(see)
    mine = [run for run in rows if run in ids(several)]
    assert (running, mine) == ([], ids(several)[::-1])
    assert len(set(rows)) == len(rows)


def test_jobs_of_running_tasks_come_first(see: Browser, several: list[Ran]) -> None:
    put(several[0], "deferred")
    running, rows = read(see)
    put(several[0], "success")
    assert running == [several[0].run_id]
    assert several[0].run_id in rows  # where it belongs by its age, too; the browser shows it once


def test_what_a_trigger_kept_later_counts(see: Browser, several: list[Ran]) -> None:
    ended = Summary(service="dataflow", job_id=_row(see, several[1])[0]["job_id"], phase="failed", state="JOB_STATE_FAILED", seen="9999")
    keep_as_xcom(several[1], ended)
    row = _row(see, several[1])
    assert [(found["state"], found["name"] != "") for found in row] == [("JOB_STATE_FAILED", True)]
    assert read(see, phase="failed")[1] == [several[1].run_id]


def _row(see: Browser, job: Ran) -> list[Any]:
    found, cursor = [], ""
    while True:
        page = see.get("/jobs", dag_id=job.dag_id, cursor=cursor).json()
        found += [row for row in page["running"] + page["rows"] if row["run_id"] == job.run_id]
        cursor = page["next"]
        if not cursor:
            return found


def test_a_job_that_only_a_trigger_knows_is_listed(see: Browser, several: list[Ran]) -> None:
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    summary = Summary(service="wave", job_id="03C", name="Sales", seen="2026-01-01T00:00:00Z")
    keep_as_xcom(several[2], summary)
    with create_session() as session:
        session.execute(delete(TaskStateStoreModel).where(TaskStateStoreModel.run_id == several[2].run_id))
    assert [row["name"] for row in _row(see, several[2])] == ["Sales"]
    assert read(see, service="wave")[1] == [several[2].run_id]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"text": "LAUNCH-"}, 5),
        ({"text": "nothing has this name"}, 0),
        ({"since": "2999"}, 0),
        ({"until": "2000"}, 0),
        ({"task_id": "other"}, 0),
        ({"least_cost": 1}, 0),
    ],
)
def test_a_filter_keeps_what_fits(see: Browser, several: list[Ran], query: Any, found: int) -> None:
    _, rows = read(see, **query)
    assert len([run for run in rows if run in ids(several)]) == found


def test_a_page_looks_at_so_many_rows_and_says_where_to_go_on(see: Browser, several: list[Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_dataflow_ext.plugin import listing

    monkeypatch.setattr(listing, "LOOKED_AT", 3)
    page = see.get("/jobs", dag_id="listed", text="nothing has this name").json()
    assert page["rows"] == []
    assert page["next"]


def test_earlier_runs_of_a_task_are_its_own(emulator: Emulator, see: Browser, several: list[Ran], ran: Run) -> None:
    script(emulator)
    ran("other")
    rows = see.see(several[-1], "/earlier")["rows"]
    assert [row["run_id"] for row in rows][:5] == ids(several)[::-1]
    assert {row["dag_id"] for row in rows} == {"listed"}
