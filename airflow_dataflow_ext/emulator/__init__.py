"""Emulates Dataflow and CRM Analytics on this machine: run ``python -m airflow_dataflow_ext.emulator``, or use ``Emulator`` in a test."""

from __future__ import annotations

from airflow_dataflow_ext.emulator.dataflow.world import Settings
from airflow_dataflow_ext.emulator.embedded import Emulator, UnusedFaultsError
from airflow_dataflow_ext.emulator.engines.scripted import Script
from airflow_dataflow_ext.emulator.engines.timeline import Autoscaling, Describe, JobMessage, Metrics, Stages, State, WorkerLog
from airflow_dataflow_ext.emulator.http.clock import ManualClock, RealClock
from airflow_dataflow_ext.emulator.http.faults import Fault
from airflow_dataflow_ext.emulator.wave.script import WaveNode, WaveScript

__all__ = [
    "Autoscaling",
    "Describe",
    "Emulator",
    "Fault",
    "JobMessage",
    "ManualClock",
    "Metrics",
    "RealClock",
    "Script",
    "Settings",
    "Stages",
    "State",
    "UnusedFaultsError",
    "WaveNode",
    "WaveScript",
    "WorkerLog",
]
