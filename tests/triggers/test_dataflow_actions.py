"""An action in the triggerer that another triggerer takes over goes on where the first one was."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from airflow_dataflow_ext.emulator import Emulator
from tests.operators.conftest import connected
from tests.operators.test_life import SOON, stream, task

__all__ = ["connected"]


def test_a_stop_by_prefix_that_is_taken_over_tells_of_the_jobs_that_ended_in_between(emulator: Emulator) -> None:
    first, second = stream(emulator, "words-1"), stream(emulator, "words-2", on_drain=((0.1, "JOB_STATE_DRAINED"),))
    stopping = task("DataflowStopJobOperator", job_name_prefix="words", poll_sleep=SOON, deferrable=True)
    deferred = stopping.enter()
    emulator.jobs.set_state(first, "JOB_STATE_FAILED")  # while no triggerer has the trigger

    async def event(trigger: Any) -> Any:
        return (await anext(trigger.run())).payload

    taken_over = stopping.trigger(deferred)
    said = json.loads(json.dumps(asyncio.run(event(taken_over))))["result"]
    assert {job["id"]: job["currentState"] for job in said} == {first: "JOB_STATE_FAILED", second: "JOB_STATE_DRAINED"}
