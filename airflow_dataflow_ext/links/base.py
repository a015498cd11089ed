"""What the links of tasks have in common: the task shows them while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class ShownLink(BaseOperatorLink):
    """A link that is there as soon as the task knows where it leads.

    Airflow asks for it once more at the end of each process of the task. Only a process that goes on after a deferral has to look up
    what was shown before it: to look for what nobody has shown is an error in the task's log.
    """

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The URL, or an empty text while there is nothing to lead to."""
        from airflow.sdk.execution_time.xcom import XCom

        task: Any = operator
        if task.shown_link or not task.has_resumed:
            return str(task.shown_link)
        return XCom.get_value(key=str(self.xcom_key), ti_key=ti_key) or ""
