"""Dataflow and CRM Analytics jobs for Apache Airflow: one launch starts one job, and waiting costs a region and not a job."""

from __future__ import annotations

__version__ = "0.1.0"
