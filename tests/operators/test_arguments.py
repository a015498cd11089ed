"""Wrong arguments fail before anything is launched, with a message that names them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from tests.airflow_task import SDK
from tests.operators.launches import SPEC, classic, flex, instance

AIRFLOW_REFUSES_IT = pytest.mark.skipif(SDK < (1, 2), reason="Airflow 3.1 itself refuses rendered fields with such a key")


def body(**parameter: Any) -> dict[str, Any]:
    return {"launchParameter": {"jobName": "count", "containerSpec": SPEC, **parameter}}


@pytest.mark.parametrize(
    ("make", "fields", "words"),
    [
        (classic, {"job_name": "Count-Words", "append_job_name": False}, ["job_name", "'Count-Words'"]),
        (classic, {"job_name": "9-lives", "append_job_name": "False"}, ["job_name", "'9-lives'"]),
        (classic, {"job_name": "words-", "update": True}, ["job_name", "'words-'"]),
        (classic, {"template": "/latest/Word_Count"}, ["template", "gs://"]),
        (classic, {"parameters": {"inputFile": {"a": 1}}}, ["parameters['inputFile']", "dict"]),
        (classic, {"parameters": {"inputFile": None}}, ["inputFile: required, and not given"]),
        pytest.param(classic, {"parameters": {7: "x"}}, ["parameters", "7"], marks=AIRFLOW_REFUSES_IT),
        (classic, {"parameters": ["a"]}, ["parameters", "list"]),
        (classic, {"location": "europe-west1", "options": {"region": "us-east1"}}, ["location is 'europe-west1'", "options['region']"]),
        (classic, {"options": {"maxWorker": 3}}, ["options['maxWorker']", "'maxWorkers'"]),
        (classic, {"environment": {"workerRegion": "a", "workerZone": "b"}}, ["workerRegion", "workerZone"]),
        (classic, {"environment": {"additionalUserLabels": {"Team": "x"}}}, ["additionalUserLabels", "'Team'"]),
        (classic, {"environment": {"additionalUserLabels": {"airflow-launch": "x"}}}, ["additionalUserLabels", "'airflow-launch'"]),
        (classic, {"template": "https://storage.googleapis.com/b/latest/T"}, ["template", "did you mean 'gs://b/latest/T'?"]),
        (classic, {"template": "gs://b/latest/T/"}, ["template", "did you mean 'gs://b/latest/T'?"]),
        (classic, {"template": " gs://b/T\n"}, ["template", "did you mean 'gs://b/T'?"]),
        (classic, {"location": "us-east1-b"}, ["location must be a region, and 'us-east1-b' is a zone", "'us-east1'"]),
        (classic, {"location": ["us-east1"]}, ["location must be an id"]),
        (classic, {"options": {"region": "us-east1-b"}}, ["'us-east1-b' is a zone"]),
        (classic, {"environment": {"workerZone": "us-central1"}}, ["workerZone must be a zone, not 'us-central1'", "workerRegion"]),
        (classic, {"environment": {"workerRegion": "us-central1-a"}}, ["workerRegion must be a region", "workerZone"]),
        (flex, {"body": body(environment={"zone": "us-central1"})}, ["environment.zone must be a zone, not 'us-central1'"]),
        (flex, {"body": body(containerSpec=None, containerSpecGcsPath="storage.cloud.google.com/b/o")}, ["did you mean 'gs://b/o'?"]),
        (flex, {"body": {"jobName": "x"}}, ["body", "launchParameter"]),
        (flex, {"body": body(containerSpecGcsPath="gs://b/o")}, ["containerSpecGcsPath", "containerSpec"]),
        (flex, {"body": body(jobName="Bad Name"), "append_job_name": False}, ["job_name", "'Bad Name'"]),
        (flex, {"body": body(parameters={"a": object()})}, ["body.launchParameter.parameters['a']"]),
    ],
)
def test_a_wrong_argument_fails_the_task_for_good_and_is_named(emulator: Emulator, make: Any, fields: Any, words: list[str]) -> None:
    from airflow_dataflow_ext.task.compat import AirflowFailException

    ended = instance(make, retries=2, **fields).run()
    assert isinstance(ended.error, AirflowFailException)
    assert all(word in str(ended.error) for word in words), ended.error
    assert len(emulator.jobs) == 0


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"expected_terminal_state": "DONE"}, "expected_terminal_state must be one of .* did you mean 'JOB_STATE_DONE'"),
        ({"expected_terminal_state": ["JOB_STATE_DONE"]}, "expected_terminal_state must be a text"),
        ({"poll_sleep": 0}, "poll_sleep"),
        ({"message_importance": "LOUD"}, "LOUD"),
        ({"wait_till_finished": True}, "wait_till_finished"),
    ],
)
def test_an_argument_that_can_be_judged_early_fails_the_dag_file(fields: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError), match=words):
        classic(**fields)


def test_numbers_booleans_and_lists_reach_the_template_as_text(emulator: Emulator) -> None:
    values = {"inputFile": ["gs://a/1", "gs://a/2"], "output": "gs://a/3"}
    instance(parameters=values, wait_until_finished=False).run()
    launched = [entry for entry in emulator.requests if entry.method == "templates.launch"]
    assert launched[0].body["parameters"]["inputFile"] == "gs://a/1,gs://a/2"


def test_options_win_over_the_environment_and_the_defaults_of_the_dag(emulator: Emulator) -> None:
    instance(
        environment={"numWorkers": 1, "machineType": "n1-standard-1"},
        dataflow_default_options={"numWorkers": 2, "maxWorkers": 5, "project": "elsewhere"},
        options={"numWorkers": 3},
        wait_until_finished=False,
    ).run()
    sent = next(entry for entry in emulator.requests if entry.method == "templates.launch").body["environment"]
    assert {name: sent[name] for name in ("numWorkers", "maxWorkers", "machineType")} == {
        "numWorkers": 3,
        "maxWorkers": 5,
        "machineType": "n1-standard-1",
    }
    assert "project" not in sent


def test_validate_only_asks_the_service_and_launches_nothing(emulator: Emulator) -> None:
    task = instance(flex, body={**body(), "validateOnly": True})
    assert task.run().state == "success"
    assert len(emulator.jobs) == 0
