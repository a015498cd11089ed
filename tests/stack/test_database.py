"""Airflow's SQLite database, which all programs of the stack write to."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

from demo.stack import Stack
from tests.stack.cloud import Cloud

PATIENCE = 5
"""Seconds that sqlite3 waits for a lock if it is not told otherwise."""


def test_a_write_that_takes_long_ends_no_program(stack: Stack, cloud: Cloud) -> None:
    stack.wait_for_dag("in_worker")
    cloud.script("locked-*", [0, "JOB_STATE_DONE"])
    run = stack.api.trigger("in_worker", {"job": "locked"})
    with closing(sqlite3.connect(stack.database, isolation_level=None, timeout=60)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        time.sleep(2 * PATIENCE + 2)
        writer.execute("ROLLBACK")
    stack.wait_until("the run to end well", lambda: stack.api.run_state("in_worker", run) == "success")
