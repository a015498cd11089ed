"""A task that does nothing."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, BaseOperator


class NothingOperator(BaseOperator):
    """Does nothing."""

    def execute(self, context: Any) -> None:
        """Nothing."""


with DAG("empty", schedule=None):
    NothingOperator(task_id="task")
