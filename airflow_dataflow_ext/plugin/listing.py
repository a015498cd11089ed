"""Stored summaries of many tasks: the list of all jobs, and the earlier runs of one task.

Pages are keyset pages over ``(dag_run_id, task_id, map_index)``, newest run first. Both tables that hold summaries have a unique index that
begins with these columns, so that a page costs the same however long the list is.
"""

from __future__ import annotations

import base64
import heapq
from collections.abc import Collection, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

from airflow.models.task_state_store import TaskStateStoreModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from msgspec import Meta, MsgspecError, Struct, json
from msgspec.structs import replace
from sqlalchemy import and_, literal, or_, select
from sqlalchemy.orm import aliased

from airflow_dataflow_ext.api.jobs.facts import SUMMARY_KEY, Summary, latest
from airflow_dataflow_ext.plugin.find import loaded

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_dataflow_ext.api.rest.method import Json

PAGE = 50
FIRST_BATCH, LATER_BATCHES = 100, 1_000
"""Rows per query: the first page needs few; a filter that few rows match needs many."""

LOOKED_AT = 2_000
"""Greatest number of rows that are read for one page. If few rows match the filter, a page may be short and still have a next one."""

MOST_RUNNING = 200
RUNNING = ("running", "deferred", "queued", "scheduled", "restarting", "up_for_retry", "up_for_reschedule")
"""States of a task whose job may still move."""

Number = Annotated[int, Meta(ge=-(2**31), lt=2**31)]
"""A number that each database can compare with its own."""

Place = tuple[Number, str, Number]
"""A row's position: number of the run, id of the task, map index."""


class Wanted(Struct, frozen=True, kw_only=True):
    """The filter of a list; empty fields match everything.

    :param readable: ids of the DAGs that the user may read.
    :param since: an RFC 3339 time in UTC, or its beginning, such as the date; jobs launched since then, and before ``until``.
    :param least_cost: jobs that cost at least this, by their own prices.
    """

    readable: Collection[str]
    dag_id: str = ""
    task_id: str = ""
    service: str = ""
    phase: str = ""
    state: str = ""
    text: str = ""
    since: str = ""
    until: str = ""
    least_cost: float | None = None

    def fits(self, dag_id: str, summary: Summary) -> bool:
        """Whether a row matches the filter."""
        exact = {"service": self.service, "phase": self.phase, "state": self.state}
        return (
            dag_id in self.readable
            and all(not wanted or getattr(summary, name) == wanted for name, wanted in exact.items())
            and (not self.since or summary.launched >= self.since)
            and (not self.until or summary.launched < self.until)
            and (self.least_cost is None or (summary.cost or 0.0) >= self.least_cost)
            and self.text.lower() in f"{summary.name} {summary.job_id}".lower()
        )


class Row(Struct, frozen=True):
    """One summary and its task.

    :param table: which of the two tables holds it.
    """

    table: str
    place: Place
    dag_id: str
    run_id: str
    summary: Summary

    def shown(self, tasks: dict[tuple[str, str, str, int], Any]) -> Json:
        """The row in the form of a reply.

        :param tasks: states and tries by task instance.
        """
        key = (self.dag_id, self.run_id, self.place[1], self.place[2])
        state, tries = tasks.get(key, ("", 0))
        value = self.summary.value()
        kept = ("service", "job_id", "name", "type", "place", "state", "phase", "launched", "ended", "seen", "used", "cost")
        task = {"dag_id": key[0], "run_id": key[1], "task_id": key[2], "map_index": key[3], "task_state": str(state or ""), "try": tries}
        return {**task, **{name: value[name] for name in kept}}


def jobs(wanted: Wanted, cursor: str = "") -> Json:
    """One page of all jobs, newest run first. The first page also contains the jobs of running tasks, whatever their position. This blocks.

    :param cursor: cursor of the previous page; empty for the first page.
    :raises ValueError: it is not a cursor.
    """
    after = _Cursor.read(cursor) if cursor else _Cursor()
    with create_session() as session:
        first = [] if cursor else list({row.place: row for row in _running(wanted, session)}.values())
        rows, end = _page(wanted, after, session)
        tasks = _tasks([*first, *rows], session)
        return {
            "running": [row.shown(tasks) for row in first],
            "rows": [row.shown(tasks) for row in rows],
            "next": end.text() if end else "",
        }


def earlier(dag_id: str, task_id: str, map_index: int, *, most: int = 20) -> list[Json]:
    """Summaries of the last runs of one task, newest first. This blocks."""
    wanted = Wanted(readable={dag_id}, dag_id=dag_id, task_id=task_id)
    with create_session() as session:
        found = (row for row in _rows(wanted, _Cursor(), session) if row.place[2] == map_index)
        rows = list(islice(found, most))
        tasks = _tasks(rows, session)
        return [row.shown(tasks) for row in rows]


class _Cursor(Struct, frozen=True):
    """How far each of the two tables has been read, in its database's own order."""

    store: Place | None = None
    xcom: Place | None = None

    @classmethod
    def read(cls, text: str) -> _Cursor:
        try:
            places = json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=tuple[Place | None, Place | None])
        except (ValueError, MsgspecError) as error:
            raise ValueError(f"{text[:100]!r} is no cursor of this list") from error
        return cls(*places)

    def text(self) -> str:
        return base64.urlsafe_b64encode(json.encode((self.store, self.xcom))).decode().rstrip("=")


def _page(wanted: Wanted, after: _Cursor, session: Session) -> tuple[list[Row], _Cursor | None]:
    """Rows, and where the next page begins; None if there is none."""
    found: list[Row] = []
    for number, row in enumerate(_rows(wanted, after, session), 1):
        after = replace(after, **{row.table: row.place})
        if wanted.fits(row.dag_id, row.summary):
            found.append(row)
        if len(found) >= PAGE or number >= LOOKED_AT:
            return found, after
    return found, None


def _rows(wanted: Wanted, after: _Cursor, session: Session) -> Iterator[Row]:
    """Rows of both tables, newest run first."""
    streams = [_table(rows, table, wanted, getattr(after, table), session) for table, rows in _tables()]
    return heapq.merge(*streams, key=lambda row: row.place[0], reverse=True)


def _same(one: Any, other: Any) -> Any:
    return and_(*(getattr(one, name) == getattr(other, name) for name in ("dag_run_id", "task_id", "map_index", "key")))


def _tables() -> list[tuple[str, tuple[Any, Any]]]:
    """The tables that hold summaries, by their names in a cursor."""
    return [("store", _stored()), ("xcom", _xcoms())]


def _stored() -> tuple[Any, Any]:
    """Summaries in state stores, each with the XCom of the same task, which a trigger may have written later."""
    twin = aliased(XComModel)
    columns = _columns(TaskStateStoreModel).add_columns(twin.value)
    return TaskStateStoreModel, columns.outerjoin(twin, _same(twin, TaskStateStoreModel))


def _xcoms() -> tuple[Any, Any]:
    """Summaries of tasks that have only XComs."""
    query = _columns(XComModel).add_columns(literal(None))
    there = select(TaskStateStoreModel.id).where(_same(TaskStateStoreModel, XComModel))
    return XComModel, query.where(~there.exists())


def _columns(model: Any) -> Any:
    columns = (model.dag_run_id, model.task_id, model.map_index, model.dag_id, model.run_id, model.value)
    return select(*columns).where(model.key == SUMMARY_KEY)


def _table(rows: tuple[Any, Any], table: str, wanted: Wanted, after: Place | None, session: Session) -> Iterator[Row]:
    model, query = rows
    columns = (model.dag_run_id, model.task_id, model.map_index)
    for name in ("dag_id", "task_id"):
        if value := getattr(wanted, name):
            query = query.where(getattr(model, name) == value)
    query = query.order_by(*(column.desc() for column in columns))
    size = FIRST_BATCH
    while True:
        batch = session.execute((query if after is None else query.where(_before(columns, after))).limit(size)).all()
        for found in batch:
            after = (found[0], found[1], found[2])
            row = _row(table, found)
            if row is not None:
                yield row
        if len(batch) < size:
            return
        size = LATER_BATCHES


def _row(table: str, found: Any) -> Row | None:
    run, task_id, map_index, dag_id, run_id, value, twin = found
    summary = latest(loaded(value), loaded(twin))
    return Row(table, (run, task_id, map_index), dag_id, run_id, summary) if summary else None


def _before(columns: tuple[Any, ...], place: Place) -> Any:
    """``columns < place``, spelled out for databases that do not compare rows by an index."""
    run, task, index = columns
    return and_(run <= place[0], or_(run < place[0], and_(run == place[0], or_(task < place[1], and_(task == place[1], index < place[2])))))


def _running(wanted: Wanted, session: Session) -> Iterator[Row]:
    """Summaries of running tasks, which are few; Airflow has an index on the state."""
    for table, (model, query) in _tables():
        joined = and_(*(getattr(model, name) == getattr(TaskInstance, name) for name in ("dag_id", "run_id", "task_id", "map_index")))
        query = query.join(TaskInstance, joined).where(TaskInstance.state.in_(RUNNING))
        for name in ("dag_id", "task_id"):
            if value := getattr(wanted, name):
                query = query.where(getattr(model, name) == value)
        for found in session.execute(query.order_by(model.dag_run_id.desc()).limit(MOST_RUNNING)):
            row = _row(table, found)
            if row is not None and wanted.fits(row.dag_id, row.summary):
                yield row


def _tasks(rows: list[Row], session: Session) -> dict[tuple[str, str, str, int], Any]:
    """State and try number of the rows' task instances."""
    runs = {(row.dag_id, row.run_id) for row in rows}
    if not runs:
        return {}
    columns = (TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index)
    several = or_(*(and_(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id) for dag_id, run_id in sorted(runs)))
    wanted = several, TaskInstance.task_id.in_({row.place[1] for row in rows})
    found = session.execute(select(*columns, TaskInstance.state, TaskInstance.try_number).where(*wanted))
    return {(dag_id, run_id, task_id, map_index): (state, tries) for dag_id, run_id, task_id, map_index, state, tries in found}
