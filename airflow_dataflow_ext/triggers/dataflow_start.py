"""Triggers that carry out a Dataflow task from its start."""

from __future__ import annotations

from airflow_dataflow_ext.api.dataflow.actions import action_of
from airflow_dataflow_ext.triggers.dataflow import DataflowTrigger
from airflow_dataflow_ext.triggers.launch_start import LaunchStartTrigger
from airflow_dataflow_ext.triggers.start import ActionStartTrigger, SensorStartTrigger


class DataflowLaunchStartTrigger(LaunchStartTrigger, DataflowTrigger):
    """Launches a Dataflow job; see :class:`~airflow_dataflow_ext.triggers.launch_start.LaunchStartTrigger`."""


class DataflowActionStartTrigger(ActionStartTrigger, DataflowTrigger):
    """Acts on Dataflow jobs; see :class:`~airflow_dataflow_ext.triggers.start.ActionStartTrigger`."""

    action_of = staticmethod(action_of)


class DataflowSensorStartTrigger(SensorStartTrigger, DataflowTrigger):
    """Waits for something about a Dataflow job; see :class:`~airflow_dataflow_ext.triggers.start.SensorStartTrigger`."""
