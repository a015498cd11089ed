"""What Airflow loads into each of its processes: names only, nothing that costs time."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class DataflowExtPlugin(AirflowPlugin):
    """The package's plugin; Airflow finds it by its entry point."""

    name = "airflow_dataflow_ext"
