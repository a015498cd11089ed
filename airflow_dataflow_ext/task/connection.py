"""The connection of a task: the fields that every task of a service has, the hook made from them, and the task's link."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_dataflow_ext.api.rest.arguments import given
from airflow_dataflow_ext.links.base import ShownLink
from airflow_dataflow_ext.links.data_pipelines import DataflowPipelineLink
from airflow_dataflow_ext.links.dataflow import DataflowJobLink
from airflow_dataflow_ext.links.wave import WaveDataManagerLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context

    from airflow_dataflow_ext.api.data_pipelines.pipelines import PipelineRef
    from airflow_dataflow_ext.api.dataflow.job import JobRef, Place
    from airflow_dataflow_ext.api.rest.method import Json
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook
    from airflow_dataflow_ext.hooks.wave import WaveHook


class LinkedTask(BaseOperator):
    """A task whose link appears as soon as its URL is known."""

    has_shown_links = False
    """Whether this process of the task, or one before a deferral, has published the link."""

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Resume as any operator does; the link was published before the deferral."""
        self._has_shown_links()
        return super().resume_execution(next_method, next_kwargs, context)

    def show_link(self, context: Context, key: str, url: str) -> None:
        """Publish the URL of the task's link.

        :param key: the link's XCom key.
        """
        context["ti"].xcom_push(key=key, value=url)
        self._has_shown_links()

    def _has_shown_links(self) -> None:
        """Keep Airflow from storing the links once more when this process ends, which would take up to two calls of the API server."""
        self.has_shown_links = True
        with suppress(AttributeError):  # a subclass may define its links as a property, which cannot be set
            self.operator_extra_links = [link for link in self.operator_extra_links if not isinstance(link, ShownLink)]


class DataflowTask(LinkedTask):
    """A task that calls Dataflow.

    :param project_id: project of the job; the connection's by default (templated, like all arguments listed here).
    :param location: location of the job; by default the connection's, or ``us-central1``.
    :param gcp_conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: service account to impersonate, or a chain of accounts that ends with it.
    """

    template_fields: Sequence[str] = ("project_id", "location", "gcp_conn_id", "impersonation_chain")
    operator_extra_links: Sequence[BaseOperatorLink] = (DataflowJobLink(),)
    ui_color = "#0273d4"

    def __init__(
        self,
        *,
        project_id: str | None = None,
        location: str | None = None,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.project_id = project_id
        self.location = location
        self.gcp_conn_id = gcp_conn_id
        self.impersonation_chain = impersonation_chain

    @cached_property
    def hook(self) -> DataflowHook:
        """The hook of the connection."""
        from airflow_dataflow_ext.hooks.dataflow import DataflowHook

        return DataflowHook(gcp_conn_id=self.gcp_conn_id, impersonation_chain=self.impersonation_chain)

    @property
    def connection(self) -> Json:
        """What a trigger takes to make the same hook."""
        return {"conn_id": self.gcp_conn_id, "impersonation_chain": self.impersonation_chain}

    @property
    def own_location(self) -> str | None:
        """The location that the task itself names."""
        location: str | None = given(self.location)
        return location

    @property
    def place(self) -> Place:
        """Project and location: the task's, else the connection's."""
        return self.hook.place(self.project_id, self.location)

    def show_job(self, context: Context, job: JobRef) -> None:
        """Publish the link to the job."""
        self.show_link(context, DataflowJobLink.xcom_key, DataflowJobLink.url(job, root=self.hook.root))

    def link_of(self, job: Json) -> str:
        """The URL of the job's page."""
        return job_page(self.hook, job, self.project_id, self.location)


class PipelineTask(DataflowTask):
    """A task that acts on a data pipeline."""

    operator_extra_links: Sequence[BaseOperatorLink] = (DataflowPipelineLink(),)

    def show_pipeline(self, context: Context, pipeline: PipelineRef) -> None:
        """Publish the link to the pipeline."""
        self.show_link(context, DataflowPipelineLink.xcom_key, DataflowPipelineLink.url(pipeline))


class WaveTask(LinkedTask):
    """A task that calls CRM Analytics.

    :param salesforce_conn_id: connection of type ``salesforce`` (templated).
    """

    template_fields: Sequence[str] = ("salesforce_conn_id",)
    operator_extra_links: Sequence[BaseOperatorLink] = (WaveDataManagerLink(),)
    ui_color = "#1b96ff"

    def __init__(self, *, salesforce_conn_id: str = "salesforce_default", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.salesforce_conn_id = salesforce_conn_id

    @cached_property
    def hook(self) -> WaveHook:
        """The hook of the connection."""
        from airflow_dataflow_ext.hooks.wave import WaveHook

        return WaveHook(self.salesforce_conn_id)

    @property
    def connection(self) -> Json:
        """What a trigger takes to make the same hook."""
        return {"conn_id": self.salesforce_conn_id}

    def show_org(self, context: Context) -> None:
        """Publish the link to the org's Data Manager."""
        self.show_link(context, WaveDataManagerLink.xcom_key, org_page(self.hook))

    def link_of(self, job: Json) -> str:
        """The URL of the page that shows the run."""
        return org_page(self.hook)


def job_page(hook: DataflowHook, job: Json, project_id: str | None = None, location: str | None = None) -> str:
    """The URL of a Dataflow job's page.

    :param job: the job as the REST API returns it; if it names no project or location, the arguments are used, else the connection's.
    """
    at = hook.place(job.get("projectId") or project_id, job.get("location") or location).job(str(job.get("id")))
    return DataflowJobLink.url(at, root=hook.root)


def org_page(hook: WaveHook) -> str:
    """The URL of the page that shows an org's runs; the first call logs in."""
    return WaveDataManagerLink.url(root=hook.root)
