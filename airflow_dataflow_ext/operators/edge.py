"""The edge of a task: the only place where errors become Airflow's, and where Airflow's own things are read."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowTaskTimeout

from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.jobs.tries import Tries
from airflow_dataflow_ext.api.rest.errors import DataflowExtError, InvalidInputError, JobError, LaunchRecordError
from airflow_dataflow_ext.links.dataflow import DataflowJobLink

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_dataflow_ext.api.rest.method import Json

ASK_AIRFLOW_WITHIN = 2.0
"""Seconds: Airflow ends a killed task's process five seconds after it asked it to end."""


TOLD = ("return_value", "job_id", DataflowJobLink.xcom_key)
"""The XComs by which an operator that launches a job tells of it."""


@contextmanager
def task_edge() -> Iterator[None]:
    """Turn this package's errors into Airflow's: one that no retry can mend fails the task at once."""
    try:
        yield
    except (InvalidInputError, LaunchRecordError) as error:
        raise AirflowFailException(str(error)) from error
    except DataflowExtError as error:
        raise AirflowException(str(error)) from error


def identity_of(context: Context) -> LaunchIdentity:
    """What identifies this task's launch."""
    ti = context["ti"]
    map_index = ti.map_index if ti.map_index is not None else -1
    return LaunchIdentity(dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id, map_index=map_index)


def clears_of(context: Context, retries: int | None) -> int:
    """How far a person's clears have moved the task's last try; a retry does not move it."""
    return int(context["ti"].max_tries or 0) - int(retries or 0)


class RecordStore:
    """The task's state store, which outlives the worker; also remembers what was last written, for a kill.

    The record stays as long as the DAG run: a streaming job may be waited for longer than the store's usual 30 days.
    """

    def __init__(self, context: Context) -> None:
        self._store = context["task_state_store"]
        self.last: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        """The value, or None."""
        value = self._store.get(key)
        self.last[key] = value
        return value

    def set(self, key: str, value: Any) -> None:
        """Write the value durably."""
        from airflow.sdk.execution_time.context import NEVER_EXPIRE

        self.last[key] = value
        self._store.set(key, value, retention=NEVER_EXPIRE)


class TriesStore:
    """The launch record of a task that starts in the triggerer, which reaches no ``task_state_store``.

    It is kept as an XCom of the task, with what tells its tries apart. Airflow deletes that only when a worker starts the task.

    :raises LaunchRecordError: from any method, what is stored is damaged.
    """

    KEY = "dataflow_launch"

    def __init__(self, ti: Any) -> None:
        self._where = {"dag_id": ti.dag_id, "task_id": ti.task_id, "run_id": ti.run_id, "map_index": ti.map_index}
        self.tries: Tries | None = None

    def load(self) -> Tries | None:
        """What was stored last, by this try or another."""
        from airflow.sdk.execution_time.xcom import XCom

        return Tries.read(XCom.get_one(key=self.KEY, **self._where))

    def enter(self, attempt: str, *, number: int, retries: int) -> Tries:
        """Begin a try, unless another triggerer has begun it already; see :meth:`Tries.entered`.

        What an earlier try has told of itself is deleted, as Airflow does when a worker starts.

        :raises JobError: a later try has begun.
        """
        from airflow.sdk.execution_time.xcom import XCom

        known = self._not_overtaken(number)
        tries = Tries.entered(known, attempt, number=number, retries=retries)
        if tries is known:
            self.tries = tries
            return tries
        for key in TOLD if known else ():
            if XCom.get_one(key=key, **self._where) is not None:
                XCom.delete(key=key, **self._where)
        self._save(tries)
        return tries

    def get(self, key: str) -> Any:
        """The launch record as this try knows it; a later try may have another one by now."""
        return self.tries.record if self.tries else None

    def own(self, record: Json) -> None:
        """Make the record this try's, also one that an earlier try wrote: however its job ends from now on, this try ends so."""
        if self.tries is not None and self.tries.launched_here is None:
            self.set("", record)

    def set(self, key: str, value: Any) -> None:
        """Write the launch record durably; there is only one.

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


def after_kill(ti: Any, *, by_user: Callable[[], None], by_machine: Callable[[], None]) -> None:
    """Tell who is behind an ``on_kill``: a user, or a timeout that a user set; or a machine that is shut down.

    In the second case the task is still *running* for Airflow, will be retried, and takes its job over. An unclear answer counts
    as such: a job must not end with a machine.

    The signal may have interrupted a question to Airflow, which has to be answered before the next one: then this returns, so that
    the task can read its answer, and a thread goes on.
    """
    if isinstance(sys.exc_info()[1], AirflowTaskTimeout):
        return by_user()
    known = threading.Event()

    def ask() -> None:
        state = None
        with suppress(Exception):  # whatever it is, it is no answer
            found = ti.get_task_states(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index)
            state = next(iter((found.get(ti.run_id) or {}).values()), None)
        known.set()
        (by_machine if state in (None, "running", "queued", "scheduled") else by_user)()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    if known.wait(ASK_AIRFLOW_WITHIN):
        asking.join()
    return None
