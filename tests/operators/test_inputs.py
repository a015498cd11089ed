"""What a user gives to an operator, and what of it reaches the service: text that Jinja rendered, values that are not given, names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from tests.airflow_task import TaskInstance
from tests.operators.launches import PARAMETERS, TEMPLATE

SPEC = {"image": "eu.gcr.io/p/words:1", "sdkInfo": {"language": "PYTHON"}}
"""A container spec that declares no parameters, so that any go."""

GRAPH = {"name": "words", "type": "JOB_TYPE_BATCH", "stepsLocation": "gs://b/graph"}
STREAM: dict[str, Any] = {"steps": [(0, "JOB_STATE_RUNNING")], "type": "JOB_TYPE_STREAMING"}
SOON = 0.05
LAUNCHES = {"templates.launch", "flexTemplates.launch", "jobs.create"}
MINIMAL: Mapping[str, dict[str, Any]] = {
    "DataflowTemplatedJobStartOperator": {"template": TEMPLATE, "parameters": PARAMETERS},
    "DataflowStartFlexTemplateOperator": {"body": {"launchParameter": {"jobName": "words", "containerSpec": SPEC}}},
    "DataflowStartYamlJobOperator": {"job_name": "words", "yaml_pipeline": "pipeline: {}"},
    "DataflowCreateJobOperator": {"job": GRAPH},
}
CLASSIC, FLEX, YAML, CREATE = MINIMAL


def task(name: str, *, params: dict[str, Any] | None = None, native: bool = False, **fields: Any) -> TaskInstance:
    """An instance of the operator of this name, in a DAG with these params."""
    from airflow.sdk import DAG

    from airflow_dataflow_ext.operators import dataflow

    waits = {} if name not in MINIMAL else {"wait_until_finished": False}
    with DAG("inputs", params=params, render_template_as_native_obj=native):
        return TaskInstance(
            run_id="manual__2026-01-01T00:00:00+00:00",
            task=getattr(dataflow, name)(**{"task_id": "it", **waits, **MINIMAL.get(name, {}), **fields}),
        )


def good(instance: TaskInstance) -> Any:
    """The result of a task that ends well."""
    ended = instance.run()
    assert ended.state == "success", ended.error
    return instance.xcoms.get("return_value")


def refused(instance: TaskInstance, emulator: Emulator) -> str:
    """What a task says that fails for good before anything is launched."""
    from airflow_dataflow_ext.task.compat import AirflowFailException

    before = len(emulator.jobs)
    ended = instance.run()
    assert isinstance(ended.error, AirflowFailException), ended
    assert len(emulator.jobs) == before
    return str(ended.error)


def sent(emulator: Emulator) -> dict[str, Any]:
    """The body of the only launch."""
    (call,) = [entry for entry in emulator.requests if entry.method in LAUNCHES and entry.status < 300]
    found: dict[str, Any] = call.body
    return found.get("launchParameter", found)


def flex(**parameter: Any) -> dict[str, Any]:
    return {"body": {"launchParameter": {"jobName": "words", "containerSpec": SPEC, **parameter}}}


# Values that arrive as text


def with_environment(name: str, environment: Any) -> dict[str, Any]:
    """Arguments of a launching operator with this environment."""
    if name == FLEX:
        return flex(environment=environment)
    return {"job": {**GRAPH, "environment": environment}} if name == CREATE else {"environment": environment}


@pytest.mark.parametrize("name", [CLASSIC, FLEX, YAML])
def test_a_rendered_environment_reaches_the_service_in_its_types(emulator: Emulator, name: str) -> None:
    environment = {
        "enableStreamingEngine": "{{ params.se }}",
        "additionalExperiments": "{{ params.e }}",
        "maxWorkers": "{{ params.n }}",
        "numWorkers": "{{ params.none }}",
        "machineType": "{{ params.m }}",
        "additionalUserLabels": "{{ params.labels }}",
    }
    params = {"se": True, "e": ["a", "b"], "n": 3, "none": None, "m": "n1-standard-1", "labels": {"team": "a", "cost": 1234}}
    good(task(name, params=params, **with_environment(name, environment)))
    found = sent(emulator)["environment"]
    labels = found.pop("additionalUserLabels")
    assert found == {"enableStreamingEngine": True, "additionalExperiments": ["a", "b"], "maxWorkers": 3, "machineType": "n1-standard-1"}
    assert {key: labels[key] for key in ("team", "cost")} == {"team": "a", "cost": "1234"}


@pytest.mark.parametrize("name", [CLASSIC, FLEX, YAML, CREATE])
def test_a_field_that_is_a_text_takes_a_rendered_none_for_not_given(emulator: Emulator, name: str) -> None:
    text = "workerZone" if name == CREATE else "network"
    good(task(name, params={"none": None}, **with_environment(name, {text: "{{ params.none }}"})))
    assert text not in sent(emulator).get("environment", {})


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("name", [CLASSIC, FLEX, YAML])
def test_empty_text_is_not_given_unless_a_text_is_asked_for(emulator: Emulator, name: str, native: bool) -> None:
    empty = "{% if params.many %}50{% endif %}"
    fields = {"maxWorkers": empty, "enableStreamingEngine": empty, "additionalExperiments": empty, "additionalUserLabels": empty}
    for environment in (fields, empty):
        good(task(name, params={"many": False}, native=native, **with_environment(name, environment)))
    for call in emulator.requests:
        if call.method in LAUNCHES:
            assert set(call.body.get("launchParameter", call.body)["environment"]) == {"additionalUserLabels"}


@pytest.mark.parametrize("name", [CLASSIC, FLEX, YAML, CREATE])
def test_a_place_that_was_rendered_from_none_is_the_connections(emulator: Emulator, name: str) -> None:
    good(task(name, params={"none": None}, project_id="{{ params.none }}", location="{{ params.none }}"))
    (job,) = emulator.jobs.all()
    assert (job["job"]["projectId"], job["job"]["location"]) == (PROJECT, "us-central1")


def test_a_template_parameter_may_say_none(emulator: Emulator) -> None:
    good(task(FLEX, **flex(parameters={"missing": "None"})))
    assert sent(emulator)["parameters"] == {"missing": "None"}


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("name", [CLASSIC, FLEX, YAML])
def test_a_whole_environment_may_be_one_template(emulator: Emulator, name: str, native: bool) -> None:
    params = {"environment": {"maxWorkers": "3", "enableStreamingEngine": True, "numWorkers": None}}
    good(task(name, params=params, native=native, **with_environment(name, "{{ params.environment }}")))
    found = sent(emulator)["environment"]
    assert (found["maxWorkers"], found["enableStreamingEngine"], "numWorkers" in found) == (3, True, False)


def test_numbers_and_flags_of_a_created_jobs_graph_are_read_too(emulator: Emulator) -> None:
    environment = {"workerPools": [{"kind": "harness", "numWorkers": "{{ params.n }}"}], "experiments": "{{ params.e }}"}
    good(task(CREATE, params={"n": 2, "e": ["a"]}, job={**GRAPH, "environment": environment, "labels": {"n": 7}}))
    found = sent(emulator)
    assert found["environment"] == {"workerPools": [{"kind": "harness", "numWorkers": 2}], "experiments": ["a"]}
    assert found["labels"]["n"] == "7"


@pytest.mark.parametrize("text", ["{{ params.b | tojson }}", "{{ params.b }}"])
def test_a_flex_body_may_be_text(emulator: Emulator, text: str) -> None:
    good(task(FLEX, params={"b": flex(parameters={"n": 3})["body"]}, body=text))
    assert sent(emulator)["parameters"] == {"n": "3"}


@pytest.mark.parametrize("text", ["{{ params.j | tojson }}", "{{ params.j }}"])
def test_a_created_job_may_be_text(emulator: Emulator, text: str) -> None:
    good(task(CREATE, params={"j": GRAPH}, job=text))
    assert sent(emulator)["stepsLocation"] == "gs://b/graph"


def in_folder(folder: Path, name: str, **fields: Any) -> TaskInstance:
    """A task of a DAG whose file lies in this folder, as Airflow has read it."""
    made = task(name, **fields)
    dag = made.task.get_dag()
    assert dag is not None
    dag.fileloc = str(folder / "dag.py")
    dag.resolve_template_files()
    return made


def test_a_flex_body_may_be_a_file_beside_the_dag_file(emulator: Emulator, tmp_path: Path) -> None:
    body = flex(parameters={"n": "{{ params.n }}"})["body"]
    (tmp_path / "launch.json").write_text(json.dumps(body))
    good(in_folder(tmp_path, FLEX, body="launch.json", params={"n": 3}))
    assert sent(emulator)["parameters"] == {"n": "3"}


def test_parameters_environment_graphs_and_pipelines_may_be_files_too(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "parameters.json").write_text(json.dumps(PARAMETERS))
    (tmp_path / "job.json").write_text(json.dumps(GRAPH))
    (tmp_path / "pipeline.yaml").write_text("pipeline: {type: '{{ params.type }}'}")
    for name, fields in {
        CLASSIC: {"parameters": "parameters.json"},
        CREATE: {"job": "job.json"},
        YAML: {"yaml_pipeline": "pipeline.yaml", "params": {"type": "chain"}},
    }.items():
        good(in_folder(tmp_path, name, **fields))
    bodies = [entry.body for entry in emulator.requests if entry.method in LAUNCHES]
    assert bodies[0]["parameters"] == PARAMETERS
    assert bodies[1]["stepsLocation"] == "gs://b/graph"
    assert bodies[2]["launchParameter"]["parameters"]["yaml_pipeline"] == "pipeline: {type: 'chain'}"


def test_a_path_in_cloud_storage_that_ends_like_a_template_file_is_a_path(emulator: Emulator, tmp_path: Path) -> None:
    emulator.objects.write("gs://b/spec.json", json.dumps(SPEC).encode())
    emulator.objects.write("gs://b/p.yaml", b"pipeline: {}")
    parameter = {"jobName": "words", "containerSpecGcsPath": "gs://b/{{ params.s }}.json", "parameters": {"schema": "local.json"}}
    good(in_folder(tmp_path, FLEX, body={"launchParameter": parameter}, params={"s": "spec"}))
    assert (sent(emulator)["containerSpecGcsPath"], sent(emulator)["parameters"]["schema"]) == ("gs://b/spec.json", "local.json")
    good(in_folder(tmp_path, YAML, yaml_pipeline=None, yaml_pipeline_file="gs://b/p.yaml"))


@pytest.mark.parametrize("native", [False, True])
def test_a_pipeline_that_was_rendered_from_a_mapping_is_that_mapping(emulator: Emulator, native: bool) -> None:
    pipeline = {"pipeline": {"type": "chain", "name": None, "quoted": "it's", "callable": "def f(x):\n  return x"}}
    good(task(YAML, params={"p": pipeline}, native=native, yaml_pipeline="{{ params.p }}"))
    assert json.loads(sent(emulator)["parameters"]["yaml_pipeline"]) == pipeline


@pytest.mark.parametrize("text", ["{'pipeline': {type: chain}}", "{pipeline: {type: chain}}", "a: &x [1]\npipeline: {b: *x}"])
def test_a_pipeline_in_yaml_stays_as_it_is(emulator: Emulator, text: str) -> None:
    good(task(YAML, yaml_pipeline=text))
    assert sent(emulator)["parameters"]["yaml_pipeline"] == text


@pytest.mark.parametrize(
    "path", ["gs://b/p.yaml", " gs://b/my pipeline.yml\n", "{{ params.p }}", "https://x/p.yaml", "{{ 'p.yaml' }}", "- a"]
)
def test_a_path_in_place_of_a_pipeline_is_refused(emulator: Emulator, path: str) -> None:
    said = refused(task(YAML, params={"p": "gs://b/p"}, yaml_pipeline=path), emulator)
    assert said.startswith("yaml_pipeline must be a pipeline, not ")
    assert said.endswith("; a file's path is given as yaml_pipeline_file")


def test_a_file_on_the_worker_may_be_a_path_object(emulator: Emulator, tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("pipeline: {}")
    good(task(YAML, yaml_pipeline=None, yaml_pipeline_file=tmp_path / "p.yaml"))
    assert sent(emulator)["parameters"] == {"yaml_pipeline": "pipeline: {}"}
    said = refused(task(YAML, yaml_pipeline=None, yaml_pipeline_file=Path("gs://b/p.yaml")), emulator)
    assert "did you mean 'gs://b/p.yaml'?" in said
    assert "yaml_pipeline_file must be a text, not list" in refused(task(YAML, yaml_pipeline=None, yaml_pipeline_file=["p.yaml"]), emulator)


def test_a_file_that_is_not_there_fails_the_dag_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"body names a file that cannot be read beside the DAG file.*launch\.json"):
        in_folder(tmp_path, FLEX, body="launch.json")


def test_a_text_that_is_no_body_is_refused_with_its_beginning(emulator: Emulator) -> None:
    said = refused(task(FLEX, params={"b": "nothing of use " * 50}, body="{{ params.b }}"), emulator)
    assert said.startswith("body must be a mapping; this text is neither JSON nor Python for one: 'nothing of use nothing")
    assert len(said) < 300


def test_parameters_of_a_classic_template_may_be_text(emulator: Emulator) -> None:
    good(task(CLASSIC, params={"p": PARAMETERS}, parameters="{{ params.p }}"))
    assert sent(emulator)["parameters"] == PARAMETERS


def test_options_may_be_text_and_are_read_in_their_types(emulator: Emulator) -> None:
    good(
        task(
            CLASSIC, params={"o": {"maxWorkers": "4"}}, options="{{ params.o }}", dataflow_default_options={"enableStreamingEngine": "True"}
        )
    )
    assert {key: sent(emulator)["environment"][key] for key in ("maxWorkers", "enableStreamingEngine")} == {
        "maxWorkers": 4,
        "enableStreamingEngine": True,
    }


def test_flags_of_gcloud_are_read_in_their_types(emulator: Emulator) -> None:
    options = {"max-workers": "{{ params.n }}", "additional-experiments": "{{ params.e }}", "additional-user-labels": "{{ params.l }}"}
    good(task(YAML, params={"n": 3, "e": ["a", "b"], "l": {"team": 7}}, options=options, jinja_variables="{{ params.l }}"))
    found = sent(emulator)
    assert (found["environment"]["maxWorkers"], found["environment"]["additionalExperiments"]) == (3, ["a", "b"])
    assert (found["environment"]["additionalUserLabels"]["team"], found["parameters"]["jinja_variables"]) == ("7", '{"team": 7}')


def test_a_date_is_given_to_a_template_in_iso_8601(emulator: Emulator) -> None:
    import pendulum

    moment = pendulum.datetime(2026, 1, 2, 3)
    good(task(FLEX, **flex(parameters={"day": date(2026, 1, 2), "moment": moment, "days": [date(2026, 1, 2)]})))
    assert sent(emulator)["parameters"] == {"day": "2026-01-02", "moment": "2026-01-02T03:00:00+00:00", "days": "2026-01-02"}


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        (CLASSIC, {"environment": {"maxWorkers": "{{ params.x }}"}}, "environment.maxWorkers must be a whole number (int32), not 'many'"),
        (
            CLASSIC,
            {"options": {"enableStreamingEngine": "{{ params.x }}"}},
            "options.enableStreamingEngine must be true or false, not 'many'",
        ),
        (FLEX, flex(environment={"numWorkers": "many"}), "body.launchParameter.environment.numWorkers must be a whole number"),
        (FLEX, flex(environment={"flexrsGoal": "CHEAP"}), "body.launchParameter.environment.flexrsGoal must be one of FLEXRS_UNSPECIFIED"),
        (FLEX, flex(launchOptions=["a"]), "body.launchParameter.launchOptions must be a mapping, not list ['a']"),
        (YAML, {"options": {"num-workers": "many"}}, "options['num-workers'] must be a whole number (int32), not 'many'"),
        (YAML, {"environment": {"diskSizeGb": 1.5}}, "environment.diskSizeGb must be a whole number (int32), not 1.5"),
        (CREATE, {"job": {**GRAPH, "type": "BATCH"}}, "did you mean 'JOB_TYPE_BATCH'?"),
        (CLASSIC, {"parameters": {"inputFile": ["a,b", "c"]}}, "parameters['inputFile']: the entry 'a,b' of the list holds a comma"),
        (FLEX, flex(parameters={"files": ["a,b", "c"]}), "body.launchParameter.parameters['files']: the entry 'a,b'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_before_the_launch(emulator: Emulator, name: str, fields: Any, words: str) -> None:
    assert words in refused(task(name, params={"x": "many"}, **fields), emulator)


# Values that are not given


def test_none_is_not_given_wherever_a_mapping_is_taken(emulator: Emulator) -> None:
    good(
        task(
            CLASSIC,
            parameters={**PARAMETERS, "optional": None},
            environment={"maxWorkers": 3, "network": None, "additionalUserLabels": {"team": "a", "none": None}},
            options={"maxWorkers": None},
            dataflow_default_options={"numWorkers": 2, "subnetwork": None},
            transform_name_mapping={"a": None},
        )
    )
    found = sent(emulator)
    assert found["parameters"] == PARAMETERS
    assert "none" not in found["environment"].pop("additionalUserLabels")
    assert found["environment"] == {"maxWorkers": 3, "numWorkers": 2}


def test_none_in_a_flex_body_is_not_given(emulator: Emulator) -> None:
    maps = {"transformNameMappings": {"a": None}, "launchOptions": None, "update": None}
    good(task(FLEX, **flex(parameters={"n": None}, environment={"network": None, "additionalUserLabels": None}, **maps)))
    found = sent(emulator)
    assert (found["parameters"], found["transformNameMappings"]) == ({}, {})
    assert not {"launchOptions", "update"} & set(found)


# Names


@pytest.mark.parametrize("append", [True, False])
def test_every_task_id_gives_a_valid_default_name(emulator: Emulator, append: bool) -> None:
    assert good(task(CLASSIC, task_id="Load._raw.Count", append_job_name=append))["name"].startswith("load--raw-count")


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("Group_A.count", "group-a-count"),
        ("2026-load", "job-2026-load"),
        ("{{ run_id }}", "manual--2026-01-01t00-00-00-00-00"),
        ("x" * 1100, "x" * 400),
    ],
)
@pytest.mark.parametrize("name", [CLASSIC, FLEX, YAML, CREATE])
def test_a_name_that_gets_a_suffix_is_made_valid_and_the_log_says_so(
    emulator: Emulator, name: str, given: str, made: str, task_log: pytest.LogCaptureFixture
) -> None:
    fields = {CLASSIC: {"job_name": given}, YAML: {"job_name": given}, FLEX: flex(jobName=given), CREATE: {"job": {**GRAPH, "name": given}}}
    assert good(task(name, **fields[name]))["name"].startswith(made)
    assert f"is not a Dataflow job name; the job is named {made[:100]}" in task_log.text


@pytest.mark.parametrize("given", ["Group_A.count", "2026-load", "{{ run_id }}", "x" * 1100])
def test_a_name_without_a_suffix_is_the_users_word(emulator: Emulator, given: str) -> None:
    said = refused(task(CLASSIC, job_name=given, append_job_name=False), emulator)
    assert "is not a Dataflow job name" in said
    assert len(said) < 500


def test_a_label_value_is_made_valid_and_the_log_says_so(emulator: Emulator, task_log: pytest.LogCaptureFixture) -> None:
    good(task(CLASSIC, environment={"additionalUserLabels": {"owner": "Team A", "run": "{{ run_id }}"}}))
    labels = sent(emulator)["environment"]["additionalUserLabels"]
    assert (labels["owner"], labels["run"]) == ("team-a", "manual__2026-01-01t00-00-00-00-00")
    assert "'Team A' is not a label value; the label owner becomes 'team-a'" in task_log.text


# The wrong template for the operator

GOOGLES_FLEX = "gs://dataflow-templates-us-central1/latest/flex/Kafka_to_BigQuery"


@pytest.mark.parametrize("validate", ["metadata", "service", "off"])
def test_a_path_of_googles_says_which_operator_launches_it(emulator: Emulator, validate: str) -> None:
    said = refused(task(CLASSIC, template=GOOGLES_FLEX, validate=validate), emulator)
    assert "is a Flex template, which is launched with DataflowStartFlexTemplateOperator" in said
    parameter = {"jobName": "words", "containerSpecGcsPath": TEMPLATE}
    said = refused(task(FLEX, body={"launchParameter": parameter}, validate=validate), emulator)
    assert "is a classic template, which is launched with DataflowTemplatedJobStartOperator" in said
    assert "DataflowTemplatedJobStartOperator" in refused(task(YAML, template=TEMPLATE, validate=validate), emulator)
    assert [entry for entry in emulator.requests if entry.method in LAUNCHES] == []


def test_the_metadata_of_a_template_of_ones_own_says_which_operator_launches_it(emulator: Emulator) -> None:
    metadata = {"name": "words", "parameters": []}
    emulator.objects.write("gs://b/spec.json", json.dumps({**SPEC, "metadata": metadata}).encode())
    emulator.objects.write("gs://b/classic_metadata", json.dumps(metadata).encode())
    assert "DataflowStartFlexTemplateOperator" in refused(task(CLASSIC, template="gs://b/spec.json", parameters={}), emulator)
    parameter = {"jobName": "words", "containerSpecGcsPath": "gs://b/classic"}
    assert "DataflowTemplatedJobStartOperator" in refused(task(FLEX, body={"launchParameter": parameter}), emulator)
    assert [entry for entry in emulator.requests if entry.method in LAUNCHES] == []


# Parameters beside the declared ones, and zones


DECLARED = {**SPEC, "metadata": {"name": "words", "parameters": [{"name": "network_tag", "isOptional": True}, {"name": "output"}]}}


@pytest.mark.parametrize(
    "option", ["workerMachineType", "sdk_container_image", "max_num_workers", "temp_location", "network", "subnetwork", "experiments"]
)
def test_a_pipeline_option_that_a_flex_template_does_not_declare_is_let_through(
    emulator: Emulator, option: str, task_log: pytest.LogCaptureFixture
) -> None:
    good(task(FLEX, **flex(containerSpec=DECLARED, parameters={"output": "o", option: "x"})))
    assert sent(emulator)["parameters"][option] == "x"
    assert f"The template declares no '{option}': passed on as pipeline options of the job." in task_log.text


@pytest.mark.parametrize(("name", "meant"), [("outptu", "output"), ("networkTag", "network_tag"), ("outputs", "output")])
def test_a_misspelt_parameter_of_a_flex_template_is_refused(emulator: Emulator, name: str, meant: str) -> None:
    said = refused(task(FLEX, **flex(containerSpec=DECLARED, parameters={"output": "o", name: "x"})), emulator)
    assert f"{name}: the template has no such parameter; did you mean {meant}?" in said


@pytest.mark.parametrize("field", ["zone", "workerZone"])
@pytest.mark.parametrize("name", [CLASSIC, FLEX, YAML])
def test_a_zone_that_is_not_where_the_job_would_be_is_refused(emulator: Emulator, name: str, field: str) -> None:
    fields = with_environment(name, {field: "europe-west1-d"})
    said = refused(task(name, **fields), emulator)
    assert (
        f"{field} is 'europe-west1-d', and no location is given, so the job would be in us-central1: give location='europe-west1'" in said
    )
    assert good(task(name, location="europe-west1", **fields))["location"] == "europe-west1"


def test_a_zone_of_a_worker_pool_counts_too(emulator: Emulator) -> None:
    environment = {"workerPools": [{"kind": "harness", "zone": "europe-west1-d"}]}
    said = refused(task(CREATE, job={**GRAPH, "environment": environment}), emulator)
    assert "zone is 'europe-west1-d', and no location is given" in said
    assert good(task(CREATE, location="europe-west1", job={**GRAPH, "environment": environment}))["location"] == "europe-west1"


def test_options_may_hold_the_zone_and_the_region(emulator: Emulator) -> None:
    assert "zone is 'europe-west1-d'" in refused(task(CLASSIC, options={"zone": "europe-west1-d"}), emulator)
    assert good(task(CLASSIC, options={"zone": "europe-west1-d", "region": "europe-west1"}))["location"] == "europe-west1"
    assert good(task(CLASSIC, options={"zone": "us-central1-a"}))["location"] == "us-central1"


def test_a_region_of_the_options_may_render_to_none(emulator: Emulator) -> None:
    options = {"region": "{{ none }}"}
    assert good(task(CLASSIC, location="europe-west1", options=options))["location"] == "europe-west1"
    assert "zone is 'europe-west1-d', and no location is given" in refused(
        task(CLASSIC, options={**options, "zone": "europe-west1-d"}), emulator
    )


def test_a_long_name_of_a_parameter_or_a_template_is_not_printed_whole(emulator: Emulator) -> None:
    said = refused(task(CLASSIC, parameters={**PARAMETERS, "x" * 1100: 1}), emulator)
    assert len(said) < 600
    assert len(refused(task(CLASSIC, template=f"gs://dataflow-templates/latest/flex/{'x' * 1100}"), emulator)) < 600


def test_a_boolean_that_jinja_rendered_is_refused_with_what_the_template_wants(emulator: Emulator) -> None:
    spec = {**SPEC, "metadata": {"name": "words", "parameters": [{"name": "all", "paramType": "BOOLEAN"}]}}
    said = refused(task(FLEX, params={"all": True}, **flex(containerSpec=spec, parameters={"all": "{{ params.all }}"})), emulator)
    assert "all: 'True' is neither true nor false; the template wants true: in Jinja add the filter lower" in said
    good(task(FLEX, params={"all": True}, **flex(containerSpec=spec, parameters={"all": "{{ params.all | lower }}"})))


# Updates and snapshots


def stream(emulator: Emulator, name: str = "feed", **fields: Any) -> str:
    """The id of a streaming job that runs."""
    emulator.scripts.play("*", **{**STREAM, "on_drain": ((0, "JOB_STATE_DRAINED"),)})
    launched = task(CLASSIC, **{"job_name": name, "append_job_name": False, "wait_until_finished": None, "poll_sleep": SOON, **fields})
    good(launched)
    return str(launched.xcoms["job_id"])


def state_of(emulator: Emulator, job_id: str) -> str:
    return next(str(entry["job"]["currentState"]) for entry in emulator.jobs.all() if entry["job"]["id"] == job_id)


def test_an_update_is_read_in_its_types(emulator: Emulator) -> None:
    job = stream(emulator)
    fields = {"min_num_workers": "{{ params.low }}", "max_num_workers": "{{ params.high }}", "worker_utilization_hint": "{{ params.none }}"}
    scaled = good(task("DataflowUpdateJobOperator", job_id=job, params={"low": 2, "high": 10.0, "none": None}, **fields))
    assert scaled["runtimeUpdatableParams"] == {"minNumWorkers": 2, "maxNumWorkers": 10}


def test_an_update_that_does_not_fit_fails_the_dag_file_unless_it_is_a_template(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="min_num_workers must be a whole number"):
        task("DataflowUpdateJobOperator", job_id="j", min_num_workers="many")
    late = task("DataflowUpdateJobOperator", job_id="j", archived="{% if true %}perhaps{% endif %}")
    assert "archived must be true or false, not 'perhaps'" in refused(late, emulator)


def test_a_snapshots_arguments_may_be_templates(emulator: Emulator) -> None:
    job = stream(emulator)
    fields = {"ttl": "{{ params.ttl }}", "snapshot_sources": "{{ params.sources }}", "wait_until_ready": "{{ params.wait }}"}
    params = {"ttl": 3600, "sources": False, "wait": False}
    assert good(task("DataflowCreateSnapshotOperator", job_id=job, params=params, **fields))["ttl"] == "3600s"
