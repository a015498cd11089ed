"""Finds what is stored about a task instance and its job. Only this module and ``listing`` use Airflow's tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow.models.dag_version import DagVersion
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.task_state_store import TaskStateStoreModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from msgspec import Struct, field
from sqlalchemy import select

from airflow_dataflow_ext.api.jobs.facts import FACTS_KEY, SUMMARY_KEY, latest
from airflow_dataflow_ext.api.rest.method import Json
from airflow_dataflow_ext.task.templating import is_template

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

RECORD_KEY = "launch"
"""The launch record in the task's state store."""

TRIES_KEY = "dataflow_launch"
"""The same as an XCom of a task that starts in the triggerer."""

_XCOM_KEYS = (SUMMARY_KEY, FACTS_KEY, TRIES_KEY)
_STORE_KEYS = (SUMMARY_KEY, FACTS_KEY, RECORD_KEY)


class TaskKey(Struct, frozen=True):
    """One task instance."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1


class Found(Struct, frozen=True, kw_only=True):
    """What Airflow's database holds about a task instance.

    :param tries: its tries with their states and times, the current one last.
    :param stored: what the task has stored, by the names of :mod:`airflow_dataflow_ext.api.jobs.facts`; the launch record is ``launch``.
    :param task: the serialized operator of the DAG version that ran; None if the DAG no longer exists.
    :param rendered: the operator's rendered fields, as a worker wrote them.
    :param conf: the run's configuration; ``run`` says how and by whom it was started.
    """

    key: TaskKey
    state: str
    try_number: int
    max_tries: int
    operator: str
    tries: tuple[Json, ...] = ()
    stored: Mapping[str, Any] = field(default_factory=dict)
    task: Any = None
    params: Any = None
    rendered: Mapping[str, Any] = field(default_factory=dict)
    conf: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, str] = field(default_factory=dict)

    def argument(self, name: str) -> Any:
        """An operator's argument: its rendered value, else its value in the DAG, else None.

        It never comes from an XCom, which other people may edit.
        """
        if name in self.rendered:
            return self.rendered[name]
        if self.task is None:
            return None
        given = getattr(self.task, "partial_kwargs", None)
        value = given.get(name) if isinstance(given, Mapping) else getattr(self.task, name, None)
        return None if is_template(value) else value


def find(key: TaskKey) -> Found | None:
    """What is stored about a task instance; None if it does not exist. This blocks."""
    with create_session() as session:
        ti = session.scalar(select(TaskInstance).where(*_is(TaskInstance, key)))
        if ti is None:
            return None
        dag = _dag(ti.dag_version_id, session)
        run = session.scalar(select(DagRun).where(DagRun.dag_id == key.dag_id, DagRun.run_id == key.run_id))
        return Found(
            key=key,
            state=str(ti.state or ""),
            try_number=ti.try_number or 0,
            max_tries=ti.max_tries or 0,
            operator=str(ti.operator or ""),
            tries=_tries(ti, session),
            stored=_stored(key, session),
            task=dag.task_dict.get(key.task_id) if dag else None,
            params=dag.params if dag else None,
            rendered=_rendered(key, session),
            conf=dict((run.conf if run else None) or {}),
            run={"type": str(run.run_type), "by": str(run.triggering_user_name or "")} if run else {},
        )


def _is(model: Any, key: TaskKey) -> tuple[Any, ...]:
    return model.dag_id == key.dag_id, model.run_id == key.run_id, model.task_id == key.task_id, model.map_index == key.map_index


@cache
def _bag() -> DBDagBag:
    return DBDagBag()


def _dag(version_id: Any, session: Session) -> Any:
    """The DAG of the version that the task ran."""
    if version_id is None or session.get(DagVersion, version_id) is None:
        return None
    return _bag().get_dag(version_id, session=session)


def _tries(ti: Any, session: Session) -> tuple[Json, ...]:
    query = select(TaskInstanceHistory).where(*_is(TaskInstanceHistory, TaskKey(ti.dag_id, ti.run_id, ti.task_id, ti.map_index)))
    past = [_try(row) for row in session.scalars(query.order_by(TaskInstanceHistory.try_number)) if row.try_number != ti.try_number]
    return (*past, _try(ti))


def _try(row: Any) -> Json:
    return {
        "number": row.try_number,
        "state": str(row.state or ""),
        "queued": _time(row.queued_dttm),
        "start": _time(row.start_date),
        "end": _time(row.end_date),
    }


def _time(value: datetime | None) -> str:
    return value.isoformat() if value else ""


def _stored(key: TaskKey, session: Session) -> dict[str, Any]:
    """What the task has stored: in its state store or, for a task that starts in the triggerer, as XComs."""
    xcoms = session.execute(select(XComModel.key, XComModel.value).where(*_is(XComModel, key), XComModel.key.in_(_XCOM_KEYS)))
    found: dict[str, Any] = {name: loaded(value) for name, value in xcoms}
    tries = found.pop(TRIES_KEY, None)
    if isinstance(tries, Mapping) and isinstance(tries.get("record"), Mapping):
        found[RECORD_KEY] = tries["record"]
    stored = _state_store(key, session)
    summary = latest(stored.get(SUMMARY_KEY), found.get(SUMMARY_KEY))
    facts = max((stored.get(FACTS_KEY), found.get(FACTS_KEY)), key=_seen)
    return {**found, **stored, SUMMARY_KEY: summary.value() if summary else None, FACTS_KEY: facts}


def _state_store(key: TaskKey, session: Session) -> dict[str, Any]:
    query = select(TaskStateStoreModel.key, TaskStateStoreModel.value)
    rows = session.execute(query.where(*_is(TaskStateStoreModel, key), TaskStateStoreModel.key.in_(_STORE_KEYS)))
    return {name: loaded(value) for name, value in rows}


def _seen(facts: Any) -> str:
    return str(facts.get("seen", "")) if isinstance(facts, Mapping) else ""


def loaded(value: Any) -> Any:
    """A stored value, decoded from JSON if necessary; None if another backend has replaced it."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return None


def _rendered(key: TaskKey, session: Session) -> dict[str, Any]:
    query = select(RenderedTaskInstanceFields.rendered_fields).where(*_is(RenderedTaskInstanceFields, key))
    return dict(session.scalar(query) or {})
