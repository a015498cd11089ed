"""What a launch tells OpenLineage and Airflow's assets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from tests.api.dataflow.test_template_check import WORDS, raw
from tests.operators.test_life import good, task

PARAMETERS = {"inputFile": "gs://books/2026/*.txt", "output": "gs://counts/part"}


def launch(emulator: Emulator, **fields: Any) -> Any:
    emulator.objects.write("gs://t/x_metadata", json.dumps(raw(WORDS)["metadata"]).encode())
    emulator.scripts.play("*", [(0, "JOB_STATE_RUNNING"), (0.1, "JOB_STATE_DONE")])
    return task(
        "DataflowTemplatedJobStartOperator",
        template="gs://t/x",
        poll_sleep=0.05,
        **{"job_name": "count", "parameters": PARAMETERS, **fields},
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_openlineage_gets_inputs_and_outputs_at_each_turn(emulator: Emulator) -> None:
    operator = launch(emulator).task
    turns = [
        operator.get_openlineage_facets_on_start(),
        operator.get_openlineage_facets_on_complete(None),
        operator.get_openlineage_facets_on_failure(None),
    ]
    for facets in turns:
        assert [(entry.namespace, entry.name) for entry in facets.inputs] == [("gs://books", "2026")]
        assert [(entry.namespace, entry.name) for entry in facets.outputs] == [("gs://counts", "part")]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_launch_that_cannot_be_read_has_no_lineage_and_no_trouble(emulator: Emulator) -> None:
    operator = task("DataflowTemplatedJobStartOperator", template="no path").task
    assert operator.get_openlineage_facets_on_start().outputs == []


@pytest.mark.parametrize("deferrable", [False, True])
def test_an_asset_alias_gets_what_was_written(emulator: Emulator, deferrable: bool) -> None:
    from airflow.sdk import AssetAlias

    launched = launch(emulator, outlets=[AssetAlias("counts")], deferrable=deferrable)
    ended = launched.run()
    assert ended.state == "success", ended.error
    events = ended.message.outlet_events
    assert [(event["source_alias_name"], event["dest_asset_key"]["uri"]) for event in events] == [("counts", "gs://counts/part")]


@pytest.mark.parametrize("deferrable", [False, True])
def test_what_airflow_takes_for_no_asset_fails_no_job_that_is_done(emulator: Emulator, shown: Any, deferrable: bool) -> None:
    from airflow.sdk import AssetAlias

    output = f"gs://counts/{'x' * 1600}"
    launched = launch(emulator, outlets=[AssetAlias("counts")], deferrable=deferrable, parameters={**PARAMETERS, "output": output})
    ended = launched.run()
    assert ended.state == "success", ended.error
    assert [
        line for line in shown.lines() if line.startswith("No asset for gs://counts/xxx") and "1500 characters" in line and len(line) < 300
    ]


def test_without_an_alias_no_metadata_is_read_for_assets(emulator: Emulator) -> None:
    good(launch(emulator, validate="off"))
    assert "templates.get" not in emulator.requests.counts
