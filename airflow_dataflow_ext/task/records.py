"""Where a task keeps how far its launch has come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

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
"""The XComs by which an operator tells others of what it has done."""

log = logging.getLogger(__name__)


def keeping(key: str, value: Any, read: Callable[[str], Any], write: Callable[[str, Any], object]) -> None:
    """Write what nothing depends on, without the secrets that this process knows; trouble with it fails nothing."""
    from airflow.sdk._shared.secrets_masker import redact

    try:
        write(key, redact(merged(read(key), value) if key == SUMMARY_KEY else value))
    except Exception as error:  # whatever it is, the task goes on
        log.warning("What a person may want to see of the job later could not be kept: %s", error)


def record_store(context: Context) -> RecordStore | PassingStore:
    """Where a task keeps its launch record."""
    store = task_state_store(context)
    return PassingStore() if store is None else RecordStore(store)


class PassingStore(MemoryStore):
    """The launch record in an Airflow without a state store for tasks: it is gone with the process."""

    def begin(self, record: LaunchRecord | None) -> None:
        """Go on from a record that was found otherwise."""
        self.set(RECORD, record.value() if record else None)


class RecordStore:
    """The task's state store, which outlives the worker.

    The record stays as long as the DAG run: a streaming job may be waited for longer than the store's usual 30 days.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self._known: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        """The value, or None."""
        value = self._store.get(key)
        self._known[key] = value
        return value

    def set(self, key: str, value: Any) -> None:
        """Write the value durably."""
        from airflow.sdk.execution_time.context import NEVER_EXPIRE

        self._store.set(key, value, retention=NEVER_EXPIRE)
        self._known[key] = value

    def keep(self, key: str, value: Any) -> None:
        """Write what nothing depends on."""
        keeping(key, value, self.kept, self.set)

    def kept(self, key: str) -> Any:
        """What was kept, or None; asked for once."""
        return self._known[key] if key in self._known else self.get(key)


class XComs:
    """Where a trigger keeps things: XComs of its task.

    Airflow logs each XCom that is asked for and is not there as an error, so none is asked for of which that is known: a worker that
    starts a task deletes what it kept.
    """

    def __init__(self, ti: Any) -> None:
        self._known: dict[str, Any] = dict.fromkeys((SUMMARY_KEY, FACTS_KEY))
        self._where = {"dag_id": ti.dag_id, "task_id": ti.task_id, "run_id": ti.run_id, "map_index": ti.map_index}

    def keep(self, key: str, value: Any) -> None:
        """Write what nothing depends on."""
        keeping(key, value, self.kept, self._push)

    def kept(self, key: str) -> Any:
        """What was kept, or None."""
        from airflow.sdk.execution_time.xcom import XCom

        if key not in self._known:
            self._known[key] = XCom.get_one(key=key, **self._where)
        return self._known[key]

    def _push(self, key: str, value: Any) -> None:
        from airflow.sdk.execution_time.xcom import XCom

        XCom.set(key=key, value=value, **self._where)
        self._known[key] = value


class TriesStore(XComs):
    """The record of an operator that starts in the triggerer, which reaches no ``task_state_store``: of its launch, or of its action.

    It is kept as an XCom of the task, with what tells its tries apart. Airflow deletes that only when a worker starts the task.

    :raises LaunchRecordError: from any method, what is stored is damaged.
    """

    KEY = "dataflow_launch"

    def __init__(self, ti: Any) -> None:
        super().__init__(ti)
        self._known = {}
        self.tries: Tries | None = None

    def load(self) -> Tries | None:
        """What was stored last, by this try or another."""
        from airflow.sdk.execution_time.xcom import XCom

        return Tries.read(XCom.get_one(key=self.KEY, **self._where))

    def enter(self, attempt: str, *, number: int, retries: int) -> Tries:
        """Begin a try, unless another triggerer has begun it already; see :meth:`Tries.entered`.

        What an earlier try has published is deleted, as Airflow does when a worker starts.

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
        """The record as this try knows it; a later try may have another one by now."""
        return self.tries.record if self.tries else None

    def own(self, record: Json) -> None:
        """Make the record this try's, also one that an earlier try wrote: however its job ends from now on, this try ends so."""
        if self.tries is not None and self.tries.recorded_here is None:
            self.set("", record)

    def set(self, key: str, value: Any) -> None:
        """Write the record durably; there is only one.

        :raises JobError: a later try has begun.
        """
        assert self.tries is not None
        self._not_overtaken(self.tries.number)
        self._save(self.tries.recording(value))

    def fail(self) -> None:
        """Note that the last try has failed, and nobody has ended it; a try that was overtaken by another one notes nothing."""
        stored = self.load()
        if stored is not None and not stored.failed and (self.tries is None or self.tries.attempt == stored.attempt):
            self._save(replace(stored, failed=True))

    def _not_overtaken(self, number: int) -> Tries | None:
        """What is stored, by this try or an earlier one."""
        stored = self.load()
        if stored is not None and stored.number > number:
            raise JobError(f"Try {stored.number} of the task has begun; try {number} does nothing more.")
        return stored

    def _save(self, tries: Tries) -> None:
        from airflow.sdk.execution_time.xcom import XCom

        XCom.set(key=self.KEY, value=tries.value(), **self._where)
        self.tries = tries


def tries_store(task: Any, context: Context) -> TriesStore | None:
    """What a task that has started in the triggerer left there; None for one that has not."""
    if not task.may_start_here:
        return None
    store = TriesStore(context["ti"])
    store.tries = store.load()
    return store if store.tries is not None else None
