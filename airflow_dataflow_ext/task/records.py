"""The stores of a task's launch record."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from airflow_dataflow_ext.api.jobs.facts import FACTS_KEY, SUMMARY_KEY, merged
from airflow_dataflow_ext.api.jobs.tries import Tries
from airflow_dataflow_ext.api.rest.errors import JobError
from airflow_dataflow_ext.links.dataflow import DataflowJobLink
from airflow_dataflow_ext.links.wave import WaveDataManagerLink
from airflow_dataflow_ext.task.compat import task_state_store
from airflow_dataflow_ext.transport.effects import RECORD, MemoryStore

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dataflow_ext.api.jobs.launch_record import LaunchRecord
    from airflow_dataflow_ext.api.rest.method import Json


PUBLISHED = ("return_value", "job_id", "snapshot_id", DataflowJobLink.xcom_key, WaveDataManagerLink.xcom_key, FACTS_KEY)
"""The XComs by which an operator tells other tasks and people what it has done."""

log = logging.getLogger(__name__)


def keeping(key: str, value: Any, read: Callable[[str], Any], write: Callable[[str, Any], object]) -> None:
    """Store a value that nothing depends on, without the secrets that this process knows; an error here fails nothing."""
    from airflow.sdk._shared.secrets_masker import redact

    try:
        write(key, redact(merged(read(key), value) if key == SUMMARY_KEY else value))
    except Exception as error:  # whatever the error is, the task continues
        log.warning("Data for the job's page could not be stored: %s", error)


def record_store(context: Context) -> RecordStore | PassingStore:
    """The store of a task's launch record."""
    store = task_state_store(context)
    return PassingStore() if store is None else RecordStore(store)


class PassingStore(MemoryStore):
    """The store on an Airflow without ``task_state_store``: the record is lost when the process ends."""

    def begin(self, record: LaunchRecord | None) -> None:
        """Start from a record that was made from existing jobs."""
        self.set(RECORD, record.value() if record else None)


class RecordStore:
    """The task's state store, which outlives the worker.

    The record is kept as long as the DAG run, since a task may wait for a streaming job longer than the store's default of 30 days.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self._known: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        """The value, or None."""
        value = self._store.get(key)
        self._known[key] = value
        if key == RECORD and value is None:  # a task without a launch has stored nothing about a job
            self._known |= dict.fromkeys((SUMMARY_KEY, FACTS_KEY))
        return value

    def set(self, key: str, value: Any) -> None:
        """Store the value durably."""
        from airflow.sdk.execution_time.context import NEVER_EXPIRE

        self._store.set(key, value, retention=NEVER_EXPIRE)
        self._known[key] = value

    def keep(self, key: str, value: Any) -> None:
        """Write what nothing depends on."""
        keeping(key, value, self.kept, self.set)

    def kept(self, key: str) -> Any:
        """The stored value, or None; it is read once."""
        return self._known[key] if key in self._known else self.get(key)


class XComs:
    """The XComs of a trigger's task, used as a store.

    Airflow logs an error when an XCom that does not exist is read. So one that is known not to exist is not read: a worker that starts a
    task deletes its earlier XComs.
    """

    def __init__(self, ti: Any) -> None:
        self._known: dict[str, Any] = dict.fromkeys((SUMMARY_KEY, FACTS_KEY))
        self._where = {"dag_id": ti.dag_id, "task_id": ti.task_id, "run_id": ti.run_id, "map_index": ti.map_index}

    def keep(self, key: str, value: Any) -> None:
        """Write what nothing depends on."""
        keeping(key, value, self.kept, self._push)

    def kept(self, key: str) -> Any:
        """The stored value, or None."""
        from airflow.sdk.execution_time.xcom import XCom

        if key not in self._known:
            self._known[key] = XCom.get_one(key=key, **self._where)
        return self._known[key]

    def _push(self, key: str, value: Any) -> None:
        from airflow.sdk.execution_time.xcom import XCom

        XCom.set(key=key, value=value, **self._where)
        self._known[key] = value


class TriesStore(XComs):
    """The store of an operator that starts in the triggerer, which has no ``task_state_store``. It holds the launch record, or the action.

    The record is an XCom of the task, together with its :class:`Tries`. Airflow deletes it only when a worker starts the task.

    :raises LaunchRecordError: from any method: what is stored is damaged.
    """

    KEY = "dataflow_launch"

    def __init__(self, ti: Any) -> None:
        super().__init__(ti)
        self._known = {}
        self.tries: Tries | None = None

    def load(self) -> Tries | None:
        """The stored value, from this try or another."""
        from airflow.sdk.execution_time.xcom import XCom

        return Tries.read(XCom.get_one(key=self.KEY, **self._where))

    def enter(self, attempt: str, *, number: int, retries: int) -> Tries:
        """Begin a try, unless another triggerer has already begun it; see :meth:`Tries.entered`.

        The XComs that an earlier try has published are deleted, as Airflow does when a worker starts.

        :raises JobError: a later try has begun.
        """
        from airflow.sdk.execution_time.xcom import XCom

        known = self._not_overtaken(number)
        tries = Tries.entered(known, attempt, number=number, retries=retries)
        if tries is known:
            self.tries = tries
            return tries
        for key in PUBLISHED if known else ():
            if XCom.get_one(key=key, **self._where) is not None:
                XCom.delete(key=key, **self._where)
        self._known = {FACTS_KEY: None} if known else dict.fromkeys((SUMMARY_KEY, FACTS_KEY))
        self._save(tries)
        return tries

    def get(self, key: str) -> Any:
        """The record as this try knows it; a later try may have replaced it."""
        return self.tries.record if self.tries else None

    def own(self, record: Json) -> None:
        """Make the record this try's, even if an earlier try wrote it: from now on, the end of its job is the end of this try."""
        if self.tries is not None and self.tries.recorded_here is None:
            self.set("", record)

    def set(self, key: str, value: Any) -> None:
        """Store the record durably; there is only one.

        :raises JobError: a later try has begun.
        """
        assert self.tries is not None
        self._not_overtaken(self.tries.number)
        self._save(self.tries.recording(value))

    def fail(self) -> None:
        """Note that the last try has failed without a user's kill; a try that a later one has overtaken notes nothing."""
        stored = self.load()
        if stored is not None and not stored.failed and (self.tries is None or self.tries.attempt == stored.attempt):
            self._save(replace(stored, failed=True))

    def _not_overtaken(self, number: int) -> Tries | None:
        """The stored value, if it is from this try or an earlier one."""
        stored = self.load()
        if stored is not None and stored.number > number:
            raise JobError(f"Try {stored.number} of the task has begun; try {number} does nothing more.")
        return stored

    def _save(self, tries: Tries) -> None:
        from airflow.sdk.execution_time.xcom import XCom

        XCom.set(key=self.KEY, value=tries.value(), **self._where)
        self.tries = tries


def tries_store(task: Any, context: Context) -> TriesStore | None:
    """The store of a task that has started in the triggerer; None for any other task."""
    if not task.may_start_here:
        return None
    store = TriesStore(context["ti"])
    store.tries = store.load()
    return store if store.tries is not None else None
