"""The emulated CRM Analytics API: from a request to the function that answers it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.api.wave import methods as api
from airflow_dataflow_ext.emulator.http.errors import CODES, ApiError
from airflow_dataflow_ext.emulator.http.router import Incoming, Outgoing, as_json
from airflow_dataflow_ext.emulator.wave import assets, jobs
from airflow_dataflow_ext.emulator.wave.call import answers, read_call
from airflow_dataflow_ext.emulator.wave.org import WaveOrg
from airflow_dataflow_ext.emulator.wave.views import encoded

ANSWERING = (assets, jobs)
"""The modules whose functions answer the methods; importing a module registers them."""

_CODES: Mapping[int, str] = {
    400: "INVALID_INPUT",
    401: "INVALID_SESSION_ID",
    403: "INSUFFICIENT_ACCESS",
    404: "NOT_FOUND",
    500: "UNKNOWN_EXCEPTION",
    503: "SERVER_UNAVAILABLE",
}


class WaveServer:
    """Dataflow jobs, dataflows, recipes, connectors and limits of one org."""

    prefix = "services/data"
    any_case = True

    def __init__(self, org: WaveOrg) -> None:
        self._org = org

    def methods(self) -> Iterable[Method]:
        return api.all_methods()

    def answer(self, incoming: Incoming) -> Outgoing:
        self._org.sessions.check(incoming)
        if self._org.used >= self._org.settings.api_requests:
            raise ApiError(403, "TotalRequests Limit exceeded.", code="REQUEST_LIMIT_EXCEEDED")
        self._org.used += 1
        reply = answers.of(incoming.method)(self._org, read_call(incoming))
        if incoming.headers.get("x-chatter-entity-encoding", "").lower() != "false":
            reply = encoded(reply)
        return as_json(reply, 201 if incoming.method.verb == "POST" else 200, self._usage())

    def refuse(self, error: ApiError) -> Outgoing:
        own = error.code if error.code != CODES.get(error.status) else ""
        code = own or _CODES.get(error.status, "UNKNOWN_EXCEPTION")
        return as_json([{"errorCode": code, "message": str(error)}], error.status, self._usage())

    def _usage(self) -> dict[str, str]:
        return {"Sforce-Limit-Info": f"api-usage={self._org.used}/{self._org.settings.api_requests}"}

    def job_name(self, incoming: Incoming) -> str:
        """The label of what the run runs."""
        run = self._org.runs.get(_known(incoming.path.get("jobId", "")))
        if run is not None:
            return run.label
        try:
            body = incoming.json()
        except ApiError:
            return ""
        id = (body.get("dataflowId") if isinstance(body, dict) else "") or incoming.path.get("connectorId", "")
        return str(self._org.sources().get(_known(str(id)), {}).get("label", ""))


def _known(id: str) -> str:
    try:
        return api.full_id(id)
    except InvalidInputError:
        return ""
