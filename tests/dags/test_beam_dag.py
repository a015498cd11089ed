"""The example DAG in which the Beam provider's own operator submits a job and our sensor waits for it."""

from __future__ import annotations

import gc

import pytest

from airflow_dataflow_ext.emulator import Emulator
from demo.bucket import Bucket, count_plainly, parse_counts
from tests.dags.test_dags import TEXT, Run, load


# The provider does not close the pipes of the program that it runs.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_job_that_beams_own_operator_submits_is_waited_for(run_dag: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with Emulator(engine="beam") as emulator:
        for name, value in emulator.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # beyond this machine nothing is reached
        monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
        bucket = Bucket(emulator.gcs_url, "beam-dag-tests")
        bucket.write("input/text.txt", TEXT)
        ended = run_dag(load("dataflow_beam_python"), run_conf={"bucket": bucket.name})
        gc.collect()
        assert ended.state == "success"
        (job,) = emulator.jobs.all()
        assert job["job"]["name"].startswith("beam-count-words")
        assert job["job"]["currentState"] == "JOB_STATE_DONE"
        assert parse_counts(bucket.lines("beam-counts/*")) == count_plainly(TEXT)
