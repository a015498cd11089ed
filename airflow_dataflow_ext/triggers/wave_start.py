"""Triggers that carry out a CRM Analytics task from its start."""

from __future__ import annotations

from airflow_dataflow_ext.api.wave.stop import RunStopAction
from airflow_dataflow_ext.triggers.launch_start import LaunchStartTrigger
from airflow_dataflow_ext.triggers.start import ActionStartTrigger, SensorStartTrigger
from airflow_dataflow_ext.triggers.wave import WaveTrigger


class WaveLaunchStartTrigger(LaunchStartTrigger, WaveTrigger):
    """Starts a run; see :class:`~airflow_dataflow_ext.triggers.launch_start.LaunchStartTrigger`."""


class WaveActionStartTrigger(ActionStartTrigger, WaveTrigger):
    """Acts on a run; see :class:`~airflow_dataflow_ext.triggers.start.ActionStartTrigger`."""

    action_of = staticmethod(RunStopAction.deserialize)


class WaveSensorStartTrigger(SensorStartTrigger, WaveTrigger):
    """Waits for a run; see :class:`~airflow_dataflow_ext.triggers.start.SensorStartTrigger`."""
