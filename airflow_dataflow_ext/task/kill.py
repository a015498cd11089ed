"""Finds out who killed a task: a user, or a machine that shuts down."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.task.compat import AirflowTaskTimeout


def after_kill(ti: Any, *, by_user: Callable[[], None], by_machine: Callable[[], None]) -> None:
    """Call one of two functions, depending on who killed the task: a user (or a timeout that a user set), or a machine that shuts down.

    In the second case, Airflow still lists the task as *running* and will retry it, and the retry takes the job over. An unclear answer
    counts as this case, so that a job does not end with a machine.

    The signal may have interrupted another question to Airflow, which must be answered before the next one. Then this function returns, so
    that the task can read that answer, and a thread continues.
    """
    if isinstance(sys.exc_info()[1], AirflowTaskTimeout):
        return by_user()
    known = threading.Event()

    def ask() -> None:
        state = None
        with suppress(Exception):  # any error means that there is no answer
            found = ti.get_task_states(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id], map_index=ti.map_index)
            state = next(iter((found.get(ti.run_id) or {}).values()), None)
        known.set()
        (by_machine if state in (None, "running", "queued", "scheduled") else by_user)()

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    if known.wait(budgets.ASK_AIRFLOW_WITHIN):
        asking.join()
    return None
