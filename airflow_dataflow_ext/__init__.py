"""Dataflow and CRM Analytics jobs for Apache Airflow: each launch starts one job, and waiting costs requests per region, not per job."""

from __future__ import annotations

__version__ = "0.1.0"
