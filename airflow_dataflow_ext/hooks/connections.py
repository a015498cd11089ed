"""An Airflow connection as what its hook reads of it."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_dataflow_ext.api.rest.errors import NotAuthenticatedError
from airflow_dataflow_ext.api.rest.texts import shown


def extras_of(conn_id: str) -> dict[str, Any]:
    """The extra fields of a connection.

    :raises NotAuthenticatedError: Airflow finds none of that id; it may with another try, where a secrets backend is in trouble.
    """
    try:
        found: dict[str, Any] = BaseHook.get_connection(conn_id).extra_dejson
    except AirflowNotFoundException:
        raise NotAuthenticatedError(f"Airflow finds no connection {shown(conn_id)}: check the task's connection id", sent=False) from None
    return found
