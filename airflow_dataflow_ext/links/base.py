"""The base of the links: a task shows them while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class ShownLink(BaseOperatorLink):
    """A link that appears as soon as the task knows its URL.

    Airflow asks for it again at the end of each process of the task. Only a process that resumes after a deferral looks up what an earlier
    one has shown: a look-up of an XCom that does not exist puts an error into the task's log.
    """

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The URL, or an empty text while it is unknown."""
        from airflow.sdk.execution_time.xcom import XCom

        task: Any = operator
        if task.shown_link or not task.has_resumed:
            return str(task.shown_link)
        return XCom.get_value(key=str(self.xcom_key), ti_key=ti_key) or ""
