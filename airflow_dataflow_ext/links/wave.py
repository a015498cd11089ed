"""The link of a task with a CRM Analytics run."""

from __future__ import annotations

from airflow_dataflow_ext.links.base import ShownLink

DATA_MANAGER = "{root}/analytics/dataManager"
"""The org's Data Manager, which shows all runs; no page of a single run is documented."""


class WaveDataManagerLink(ShownLink):
    """The org's Data Manager; it appears as soon as the run is known."""

    name = "CRM Analytics Data Manager"
    xcom_key = "wave_data_manager_link"

    @staticmethod
    def url(*, root: str) -> str:
        """The URL of the Data Manager.

        :param root: URL of the org's instance.
        """
        return DATA_MANAGER.format(root=root)
