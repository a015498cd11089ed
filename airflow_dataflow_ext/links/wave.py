"""Where a task with a CRM Analytics run points a person to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

DATA_MANAGER = "{root}/analytics/dataManager"
"""The org's Data Manager, which shows all runs; no page of a single run is documented."""


class WaveDataManagerLink(BaseOperatorLink):
    """The Data Manager of the org; it is there as soon as the run is known."""

    name = "CRM Analytics Data Manager"
    xcom_key = "wave_data_manager_link"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The URL, or an empty text before there is a run."""
        from airflow.sdk.execution_time.xcom import XCom

        return XCom.get_value(key=self.xcom_key, ti_key=ti_key) or ""

    @classmethod
    def persist(cls, context: Any, *, root: str) -> None:
        """Show the link of this task from now on.

        :param root: URL of the org's instance.
        """
        context["ti"].xcom_push(key=cls.xcom_key, value=DATA_MANAGER.format(root=root))
