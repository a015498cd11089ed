"""Why a job failed, in one line, out of whatever messages the service gives."""

from __future__ import annotations

import pytest

from airflow_dataflow_ext.api.dataflow.reasons import reason_of

CAUSES = "Workflow failed. Causes: S01:Read+Count failed., The job failed because a work item has failed 4 times."
PYTHON = """Error message from worker: Traceback (most recent call last):
  File "apache_beam/runners/common.py", line 1500, in process
    return self.do_fn_invoker.invoke_process(windowed_value)
ValueError: line 7 has no price [while running 'Parse-ptransform-21']
"""
JAVA = """Error message from worker: java.lang.RuntimeException: org.apache.beam.sdk.util.UserCodeException
\torg.example.Words.run(Words.java:10)
\tat org.example.Words.main(Words.java:3)
Caused by: java.lang.IllegalArgumentException: no such table
\tat org.example.Words$Parse.processElement(Words.java:42)
"""


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([PYTHON, PYTHON, CAUSES], "ValueError: line 7 has no price [while running 'Parse-ptransform-21']"),
        ([JAVA, CAUSES], "java.lang.IllegalArgumentException: no such table"),
        ([CAUSES], CAUSES),
        (["The zone is full: ZONE_RESOURCE_POOL_EXHAUSTED.", "Workflow failed."], "The zone is full: ZONE_RESOURCE_POOL_EXHAUSTED."),
        (["Workflow failed."], "Workflow failed."),
        (["Startup failed.\nSee the log."], "Startup failed."),
        ([""], ""),
        ([], ""),
    ],
)
def test_a_failed_job_gives_its_reason_in_one_line(messages: list[str], reason: str) -> None:
    assert reason_of(messages) == reason


def test_a_reason_of_many_pages_is_cut() -> None:
    assert reason_of(["x" * 5000]) == "x" * 1000 + "… (5,000 characters)"
