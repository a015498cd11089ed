"""The plugin that Airflow loads into each of its processes: only names, so that loading it takes no time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from airflow_dataflow_ext import __version__
from airflow_dataflow_ext.task.compat import IS_3_3

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

PREFIX = "dataflow-ext"
BUNDLE = f"{PREFIX}/static/jobs.js?v={__version__}"
"""The script's URL, relative to the base of Airflow's page, so that it works under any path."""


class Lazily:
    """The app behind the pages, created at its first request, so that only an API server that serves it imports it."""

    def __init__(self) -> None:
        self.app: Any = None

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        if self.app is None:
            await self._make()
        await self.app(scope, receive, send)

    async def _make(self) -> None:
        """Import the app in a thread, so that the server can answer other requests meanwhile; then create it once."""
        import asyncio
        from importlib import import_module

        module = await asyncio.to_thread(import_module, "airflow_dataflow_ext.plugin.app")
        if self.app is None:
            self.app = module.build()


APPS = [{"app": Lazily(), "url_prefix": f"/{PREFIX}", "name": "Dataflow jobs"}]
PAGES = [
    {"name": "Dataflow jobs", "bundle_url": BUNDLE, "destination": "nav", "url_route": "dataflow-jobs", "category": "browse"},
    {"name": "Dataflow job", "bundle_url": BUNDLE, "destination": "task_instance", "url_route": "dataflow-job"},
]


class DataflowExtPlugin(AirflowPlugin):
    """The package's plugin; Airflow finds it by its entry point.

    The pages read what a task keeps in its state store, so they need Airflow 3.3; an older Airflow shows none.
    """

    name = "airflow_dataflow_ext"
    fastapi_apps = APPS if IS_3_3 else []
    react_apps = PAGES if IS_3_3 else []
