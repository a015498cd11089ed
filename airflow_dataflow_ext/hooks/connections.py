"""What the hooks read from an Airflow connection."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseHook, Connection

from airflow_dataflow_ext.api.rest.arguments import given
from airflow_dataflow_ext.api.rest.errors import InvalidInputError, NotAuthenticatedError
from airflow_dataflow_ext.api.rest.texts import shown
from airflow_dataflow_ext.task.compat import AirflowNotFoundException


def extras_of(conn_id: str) -> dict[str, Any]:
    """The extra fields of a connection: texts without surrounding blanks, numbers as texts, and None for what is not given.

    :raises InvalidInputError: the connection's extra is not a JSON object, or its environment variable holds no connection.
    :raises NotAuthenticatedError: Airflow finds no connection of that id; a retry may help if a secrets backend had an outage.
    """
    connection = _connection(conn_id)
    try:
        json.loads(connection.extra or "{}")  # Airflow takes an extra that is not JSON for an empty one
    except ValueError as error:
        raise InvalidInputError(f"the extra of connection {conn_id!r} must be a JSON object: {error}") from None
    found = connection.extra_dejson
    if not isinstance(found, Mapping):
        raise InvalidInputError(f"the extra of connection {conn_id!r} must be a JSON object, not {type(found).__name__}")
    return {name: _plain(given(value)) for name, value in found.items()}


def _connection(conn_id: str) -> Connection:
    try:
        return BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        variable = f"AIRFLOW_CONN_{str(conn_id).upper()}"
        if os.environ.get(variable):  # which Airflow skips if it cannot read it
            raise InvalidInputError(
                f"{variable} holds no connection: it must be a URI, or a JSON object with conn_type and extra"
            ) from None
        raise NotAuthenticatedError(f"Airflow finds no connection {shown(conn_id)}: check the task's connection id", sent=False) from None


def _plain(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value).strip() if is_number or isinstance(value, str) else value
