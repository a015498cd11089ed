"""The base of the links: a task shows them while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class ShownLink(BaseOperatorLink):
    """A link that appears as soon as the task knows its URL, because the task itself publishes it.

    At the end of each process of a task, Airflow asks every link for its URL and stores it. A link that is already published is not asked
    (see :class:`~airflow_dataflow_ext.task.connection.LinkedTask`), unless the task's class defines its links as a property.
    """

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The published URL, or an empty text if the task ends without having known it."""
        from airflow.sdk.execution_time.xcom import XCom

        task: Any = operator
        return (XCom.get_value(key=str(self.xcom_key), ti_key=ti_key) or "") if task.has_shown_links else ""
