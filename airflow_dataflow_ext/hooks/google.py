"""How a connection of type ``google_cloud_platform`` reaches Dataflow: root URL, tokens, transports, project and location."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from airflow_dataflow_ext.api.cloud_logging import methods as cloud_logging
from airflow_dataflow_ext.api.data_pipelines import methods as data_pipelines
from airflow_dataflow_ext.api.dataflow import methods as dataflow
from airflow_dataflow_ext.api.dataflow.job import JobRef, Place, check_location
from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.arguments import given, identifier
from airflow_dataflow_ext.api.rest.ask import ask
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import SURELY_MEANT, near, shown
from airflow_dataflow_ext.hooks.credentials import GoogleConnection
from airflow_dataflow_ext.transport.effects import MemoryStore, effects_of
from airflow_dataflow_ext.transport.endpoint import check_root
from airflow_dataflow_ext.transport.sync import SyncTransport
from airflow_dataflow_ext.transport.tokens import GoogleTokens

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Method, Request
    from airflow_dataflow_ext.api.rest.steps import Conversation, Store
    from airflow_dataflow_ext.transport.aio import AsyncTransport

T = TypeVar("T")

ENDPOINTS = {
    dataflow.ROOT: "dataflow_endpoint",
    data_pipelines.ROOT: "datapipelines_endpoint",
    cloud_logging.ROOT: "logging_endpoint",
}
"""Maps the root URL of each service to the connection's extra that overrides it, for example with an emulator's. Without the extra, the
environment variable of the same name in capitals is used."""


class Where(TypedDict, total=False):
    """Project and location of a call; what is not given comes from the connection."""

    project_id: str | None
    location: str | None


class DataflowConnection(GoogleConnection):
    """Calls Dataflow over one Airflow connection.

    The project is the argument, else the connection's. The location is the argument, else the connection's extra ``location``, else
    ``us-central1``. The service's root URL is the connection's extra ``dataflow_endpoint``, else the environment variable
    ``DATAFLOW_ENDPOINT``, else Google's; for Data Pipelines and Cloud Logging the names are ``datapipelines_endpoint`` and
    ``logging_endpoint``.

    :param gcp_conn_id: connection of type ``google_cloud_platform``.
    :param impersonation_chain: service account to impersonate, or a chain of accounts that ends with it; the connection's by default.
    :param timeout: seconds for one call.
    :param retry_for: seconds for which a call is retried while the error may be temporary.
    """

    def __init__(
        self,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        *,
        timeout: float = budgets.CALL_TIMEOUT,
        retry_for: float = budgets.RETRY_FOR,
        **kwargs: Any,
    ) -> None:
        super().__init__(gcp_conn_id=gcp_conn_id, impersonation_chain=impersonation_chain, **kwargs)
        self._refuse_misspelt()
        self.timeout = timeout
        self.retry_for = retry_for
        self._roots: dict[str, str] = {}

    def _refuse_misspelt(self) -> None:
        """Without its endpoint, a connection to an emulator would lead to Google."""
        own = (*ENDPOINTS.values(), "location")
        for name in self._extras.keys() - own:
            if (meant := near(name, own, SURELY_MEANT)) and not self._get_field(meant):
                raise InvalidInputError(f"the extra of {self._whose} has an unknown field {shown(name)}; did you mean {meant!r}?")

    @cached_property
    def root(self) -> str:
        """Root URL of Dataflow."""
        return self._given_root(dataflow.ROOT) or self._public_root(dataflow.ROOT)

    def root_of(self, method: Method) -> str:
        """Root URL of a method's service. If Dataflow's root URL is plain HTTP, it is an emulator and serves the other services, too."""
        return self._roots.get(method.root) or self._roots.setdefault(method.root, self._found_root(method.root))

    def _found_root(self, service: str) -> str:
        if service in ("", dataflow.ROOT):
            return self.root
        return self._given_root(service) or (self.root if self.root.startswith("http://") else self._public_root(service))

    def _given_root(self, service: str) -> str:
        """The root URL that the connection or the environment sets for a service, or an empty text."""
        extra = ENDPOINTS[service]
        if value := self._get_field(extra):
            return check_root(value, f"{extra} of connection {self.gcp_conn_id!r}")
        value = os.environ.get(extra.upper())
        return check_root(value, extra.upper()) if value else ""

    def _public_root(self, service: str) -> str:
        universe = os.environ.get("GOOGLE_CLOUD_UNIVERSE_DOMAIN") or getattr(self.get_credentials(), "universe_domain", None)
        return service.replace("googleapis.com", universe) if universe else service

    @cached_property
    def tokens(self) -> GoogleTokens:
        """The source of each call's Authorization header."""
        return GoogleTokens(self.get_credentials(), self._whose)

    @cached_property
    def _transport(self) -> SyncTransport:
        return SyncTransport(self.root_of, self.tokens, timeout=self.timeout, whose=self._whose)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncTransport]:
        """An asynchronous transport with its own connection pool, for the running event loop."""
        # imported here, so that only a process that waits in an event loop loads aiohttp
        from airflow_dataflow_ext.transport.aio import AsyncTransport, async_session_for

        async with async_session_for(self.root) as session:
            yield AsyncTransport(self.root_of, self.tokens, timeout=self.timeout, session=session, whose=self._whose)

    def run(self, conversation: Conversation[T], store: Store | None = None) -> T:
        """Perform a conversation now.

        :param store: keeps launch records; without one, they are lost after the call.
        """
        return self._transport.run(conversation, effects_of(self.log, store or MemoryStore()))

    async def arun(self, conversation: Conversation[T]) -> T:
        """Perform a conversation on the running event loop."""
        async with self.connect() as transport:
            return await transport.run(conversation, effects_of(self.log, MemoryStore()))

    def job(self, job_id: str | None, project_id: str | None = None, location: str | None = None) -> JobRef:
        """A job with its project and location filled in.

        :raises InvalidInputError: neither the argument nor the connection names a project, or the id is not valid.
        """
        found = identifier(job_id, "job_id")
        return self.place(project_id, location).job(found)

    def project_of(self, project_id: str | None = None) -> str:
        """The argument, else the connection's project.

        :raises InvalidInputError: neither names a project.
        """
        found = given(project_id) or self.project_id
        if not found:
            raise InvalidInputError(f"project_id is not given, and connection {self.gcp_conn_id!r} names no project")
        return str(found)

    def location_of(self, location: str | None = None) -> str:
        """The argument, else the connection's location, else the service's default.

        :raises InvalidInputError: it is not a valid location.
        """
        if given(location):
            return check_location(location)
        return check_location(self._get_field("location") or dataflow.DEFAULT_LOCATION, f"location of {self._whose}")

    def place(self, project_id: str | None = None, location: str | None = None) -> Place:
        """Project and location, filled in.

        :raises InvalidInputError: neither the argument nor the connection names a project.
        """
        return Place(project_id=self.project_of(project_id), location=self.location_of(location))

    def _ask(self, request: Request) -> Conversation[Any]:
        return ask(request, retry_for=self.retry_for)
