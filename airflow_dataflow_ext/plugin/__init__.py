"""What Airflow loads into each of its processes: names only, nothing that costs time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from airflow_dataflow_ext import __version__
from airflow_dataflow_ext.task.compat import IS_3_3

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

PREFIX = "dataflow-ext"
BUNDLE = f"{PREFIX}/static/jobs.js?v={__version__}"
"""Below Airflow's own path, whatever that is: a relative URL is resolved against the page's base."""


class Lazily:
    """The app behind the pages, made at its first request: only an API server that is asked for it pays for its imports."""

    def __init__(self) -> None:
        self.app: Any = None

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        if self.app is None:
            await self._make()
        await self.app(scope, receive, send)

    async def _make(self) -> None:
        """Import in a thread, so that the server answers others meanwhile; then make the app, once."""
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
