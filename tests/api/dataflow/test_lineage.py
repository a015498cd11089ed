"""What a template's parameters tell of the data that its job reads and writes."""

from __future__ import annotations

from typing import Any

import pytest
from openlineage.client.naming import dataset as naming

from airflow_dataflow_ext.api.dataflow.lineage import Dataset, lineage
from airflow_dataflow_ext.api.dataflow.template_metadata import TemplateInfo
from tests.api.dataflow.test_template_check import GENERATOR, LOAD, TEXT, WORD_COUNT, WORDS, raw


def of(name: str, given: dict[str, str]) -> tuple[list[str], list[str]]:
    found = lineage(TemplateInfo.read(raw(name)), given, "home")
    return [entry.uri for entry in found.inputs], [entry.uri for entry in found.outputs]


def test_word_count_reads_a_folder_and_writes_one() -> None:
    given = {**WORD_COUNT, "inputFile": "gs://books/2026/*.txt", "output": "gs://counts/part"}
    assert of(WORDS, given) == (["gs://books/2026"], ["gs://counts/part"])


def test_a_load_reads_files_and_writes_a_table_and_its_temporary_files_do_not_count() -> None:
    assert of(TEXT, {**LOAD, "inputFilePattern": "gs://b/in.csv"}) == (["gs://b/in.csv", "gs://b/schema.json"], ["bigquery://p/d/t"])


def test_only_what_the_sink_calls_for_is_written() -> None:
    given = {"qps": "1", "topic": "projects/p/topics/t", "outputTableSpec": "d.rows$20260101", "outputDeadletterTable": "p2.d.dead"}
    pubsub, tables = ["pubsub://p/topics/t"], ["bigquery://home/d/rows", "bigquery://p2/d/dead"]
    assert of(GENERATOR, given) == ([], pubsub)
    assert of(GENERATOR, {**given, "sinkType": "BIGQUERY"}) == ([], pubsub + tables)


def one(kind: str, value: str, **facts: Any) -> Any:
    info = TemplateInfo.read({"parameters": [{"name": "x", "label": "Input", "paramType": kind, **facts}]})
    return lineage(info, {"x": value}, "home")


@pytest.mark.parametrize(
    ("kind", "value", "dataset"),
    [
        ("GCS_READ_FILE", "gs://b/a/part-{1,2}.csv", Dataset("gs://b", "a", "gs://b/a")),
        ("GCS_READ_BUCKET", "b", Dataset("gs://b", "/", "gs://b/")),
        ("GCS_READ_FOLDER", "gs://b/a/c/", Dataset("gs://b", "a/c", "gs://b/a/c")),
        ("BIGQUERY_TABLE", "example.com:p:d.t", Dataset("bigquery", "example.com:p.d.t", "bigquery://example.com:p/d/t")),
        ("PUBSUB_SUBSCRIPTION", "projects/p/subscriptions/s", Dataset("pubsub", "subscription:p:s", "pubsub://p/subscriptions/s")),
    ],
)
def test_data_has_the_names_that_openlineage_gives_it(kind: str, value: str, dataset: Dataset) -> None:
    assert one(kind, value).inputs == (dataset,)


@pytest.mark.parametrize(
    ("kind", "value", "names"),
    [
        ("GCS_READ_FILE", "gs://b/a/c.csv", naming.GCS(bucket_name="b", object_key="a/c.csv")),
        ("BIGQUERY_TABLE", "p:d.t", naming.BigQuery(project_id="p", dataset_name="d", table_name="t")),
        ("PUBSUB_TOPIC", "projects/p/topics/t", naming.PubSubNaming(naming.PubSubResourceType.TOPIC, "p", "t")),
        ("PUBSUB_SUBSCRIPTION", "projects/p/subscriptions/s", naming.PubSubNaming(naming.PubSubResourceType.SUBSCRIPTION, "p", "s")),
    ],
)
def test_openlineages_own_client_gives_the_same_names(kind: str, value: str, names: naming.DatasetNaming) -> None:
    (found,) = one(kind, value).inputs
    assert (found.namespace, found.name) == (names.get_namespace(), names.get_name())


@pytest.mark.parametrize(
    ("kind", "value"), [("BIGQUERY_TABLE", "t"), ("PUBSUB_TOPIC", "t"), ("GCS_READ_FILE", "s3://b/x"), ("TEXT", "gs://b/x")]
)
def test_a_value_that_names_no_data_is_left_out(kind: str, value: str) -> None:
    assert one(kind, value).inputs == ()


def test_a_table_of_unknown_direction_is_left_out() -> None:
    assert one("BIGQUERY_TABLE", "p.d.t", label="The table") == one("TEXT", "")
    assert one("BIGQUERY_TABLE", "p.d.t", label="From input to output") == one("TEXT", "")
