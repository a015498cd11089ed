"""Operators for Google Cloud Dataflow; DAG files import them from here."""

from __future__ import annotations

from airflow_dataflow_ext.operators.data_pipelines import (
    DataflowCreatePipelineOperator,
    DataflowDeletePipelineOperator,
    DataflowRunPipelineOperator,
)
from airflow_dataflow_ext.operators.dataflow_beam_yaml import DataflowStartYamlJobOperator
from airflow_dataflow_ext.operators.dataflow_jobs import DataflowCreateJobOperator, DataflowStopJobOperator, DataflowUpdateJobOperator
from airflow_dataflow_ext.operators.dataflow_snapshots import DataflowCreateSnapshotOperator, DataflowDeleteSnapshotOperator
from airflow_dataflow_ext.operators.dataflow_templates import DataflowStartFlexTemplateOperator, DataflowTemplatedJobStartOperator

__all__ = [
    "DataflowCreateJobOperator",
    "DataflowCreatePipelineOperator",
    "DataflowCreateSnapshotOperator",
    "DataflowDeletePipelineOperator",
    "DataflowDeleteSnapshotOperator",
    "DataflowRunPipelineOperator",
    "DataflowStartFlexTemplateOperator",
    "DataflowStartYamlJobOperator",
    "DataflowStopJobOperator",
    "DataflowTemplatedJobStartOperator",
    "DataflowUpdateJobOperator",
]
