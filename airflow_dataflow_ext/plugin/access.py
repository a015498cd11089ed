"""Authorization: the dependencies of the routes, which use Airflow's own roles, and the permissions that a page shows."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.api_fastapi.logging.decorators import action_logging
from airflow.models.dag import DagModel
from fastapi import Depends, HTTPException, Request

OWN_HEADER = "X-Dataflow-Ext"
"""A header that a page of another origin cannot send, since Airflow does not allow it. So a request that has it comes from Airflow's own
pages. Airflow itself has no protection against forged requests."""

reads_task = requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE)
reads_logs = requires_access_dag("GET", DagAccessEntity.TASK_LOGS)
acts_on_task = requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE)


def own_header(request: Request) -> None:
    """Refuse a request that may be forged."""
    if request.headers.get(OWN_HEADER) != "1":
        raise HTTPException(403, f"The header {OWN_HEADER} is missing: this is for Airflow's own pages.")


READ_TASK = [Depends(reads_task)]
READ_LOGS = [Depends(reads_task), Depends(reads_logs)]


def acts_on(event: str) -> list[Any]:
    """Dependencies of a route that changes something: they check the header and the permission, then write to Airflow's audit log."""
    return [Depends(own_header), Depends(acts_on_task), Depends(action_logging(event))]


def allowed(user: Any, dag_id: str) -> dict[str, bool]:
    """What a user may do with the tasks of a DAG, so that the page omits what is not allowed. This blocks."""
    details = DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id))
    manager = get_auth_manager()

    def may(method: Any, entity: DagAccessEntity) -> bool:
        return bool(manager.is_authorized_dag(method=method, access_entity=entity, details=details, user=user))

    return {"act": may("PUT", DagAccessEntity.TASK_INSTANCE), "logs": may("GET", DagAccessEntity.TASK_LOGS)}


def readable_dags(user: Any) -> set[str]:
    """Ids of the DAGs that a user may read. This blocks."""
    return set(get_auth_manager().get_authorized_dag_ids(user=user, method="GET"))
