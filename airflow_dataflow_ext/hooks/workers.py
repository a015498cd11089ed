"""The methods of the hook that workers and debuggers use; a DAG author seldom needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from airflow_dataflow_ext.api.dataflow import methods as dataflow
from airflow_dataflow_ext.hooks.google import DataflowConnection, Where
from airflow_dataflow_ext.hooks.verbs import verb

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.api.rest.steps import Conversation


class WorkerVerbs(DataflowConnection):
    """The protocol between Dataflow and its workers. A call whose answer is lost is not sent again, unless it only reads."""

    @verb
    def worker_messages(self, messages: Sequence[Mapping[str, Any]], **where: Unpack[Where]) -> Conversation[list[Json]]:
        """Send WorkerMessages; returns the WorkerMessageResponses.

        https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations/workerMessages
        """
        at = self.place(**where).path
        body = {"location": at["location"], "workerMessages": [dict(message) for message in messages]}
        return _entries(self._ask(dataflow.Location.worker_messages.request(body, **at)), "workerMessageResponses")

    @verb
    def lease_work_items(
        self,
        job_id: str,
        worker_id: str,
        *,
        lease_duration: str | None = None,
        fields: Mapping[str, Any] | None = None,
        **where: Unpack[Where],
    ) -> Conversation[list[Json]]:
        """Lease WorkItems for a worker.

        https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs.workItems/lease

        :param lease_duration: duration of the lease, for example ``120s``.
        :param fields: further fields of the LeaseWorkItemRequest.
        """
        path = self.job(job_id, **where).path
        asked = {"requestedLeaseDuration": lease_duration} if lease_duration else {}
        body = {"workerId": worker_id, "location": path["location"], **asked, **(fields or {})}
        return _entries(self._ask(dataflow.WorkItem.lease.request(body, **path)), "workItems")

    @verb
    def report_work_items(
        self, job_id: str, worker_id: str, statuses: Sequence[Mapping[str, Any]], **where: Unpack[Where]
    ) -> Conversation[list[Json]]:
        """Report WorkItemStatuses; returns the WorkItemServiceStates in the same order.

        https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs.workItems/reportStatus
        """
        path = self.job(job_id, **where).path
        body = {"workerId": worker_id, "location": path["location"], "workItemStatuses": [dict(status) for status in statuses]}
        return _entries(self._ask(dataflow.WorkItem.report_status.request(body, **path)), "workItemServiceStates")

    @verb
    def debug_config(self, job_id: str, *, worker_id: str = "", component_id: str = "", **where: Unpack[Where]) -> Conversation[str]:
        """The debug configuration of a component of a job, encoded as the component expects it.

        https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs.debug/getConfig
        """
        path = self.job(job_id, **where).path
        body = {"workerId": worker_id, "componentId": component_id, "location": path["location"]}
        return str((yield from self._ask(dataflow.Debug.get_config.request(body, **path))).get("config", ""))

    @verb
    def send_debug_capture(
        self, job_id: str, data: str, *, data_format: str = "RAW", worker_id: str = "", component_id: str = "", **where: Unpack[Where]
    ) -> Conversation[Json]:
        """Send what a debugger has captured.

        https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs.debug/sendCapture

        :param data_format: ``RAW``, ``JSON``, ``ZLIB`` or ``BROTLI``.
        """
        path = self.job(job_id, **where).path
        source = {"workerId": worker_id, "componentId": component_id, "location": path["location"]}
        return self._ask(dataflow.Debug.send_capture.request({**source, "data": data, "dataFormat": data_format}, **path))

    @verb
    def worker_stacktraces(
        self, job_id: str, *, worker_id: str = "", end_time: str | None = None, **where: Unpack[Where]
    ) -> Conversation[list[Json]]:
        """The stacks of a worker's SDK harnesses, until ``end_time`` (RFC 3339).

        https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.jobs.debug/getWorkerStacktraces
        """
        body = {"workerId": worker_id, **({"endTime": end_time} if end_time else {})}
        return _entries(self._ask(dataflow.Debug.get_worker_stacktraces.request(body, **self.job(job_id, **where).path)), "sdks")


def _entries(asking: Conversation[Any], key: str) -> Conversation[list[Json]]:
    return list((yield from asking).get(key, ()))
