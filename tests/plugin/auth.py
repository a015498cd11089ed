"""An auth manager that decides by DAG; Airflow's simple one decides only by role."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

ALL, VIEWER, OTHER, NO_LOGS = "all", "viewer", "reader-of-other", "viewer-without-logs"
ROLES = {ALL: "admin", VIEWER: "viewer", OTHER: "user", NO_LOGS: "viewer"}


class ByDag(SimpleAuthManager):
    """``reader-of-other`` may do everything with the DAG ``other`` and nothing with other DAGs."""

    def is_authorized_dag(self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        if user.username == OTHER and details is not None and details.id not in (None, "other"):
            return False
        if user.username == NO_LOGS and access_entity == DagAccessEntity.TASK_LOGS:
            return False
        return super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details)

    @staticmethod
    def token(user: str) -> str:
        """The login token of this user."""
        from airflow.api_fastapi.app import get_auth_manager

        return str(get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role=ROLES[user], teams=None)))
