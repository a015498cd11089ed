"""Refusals in the form of the JSON API.

Source: https://cloud.google.com/storage/docs/json_api/v1/status-codes
"""

from __future__ import annotations

from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.http.router import Outgoing, as_json


class RangeError(ApiError):
    """416: the range contains no byte of the object.

    :param size: size of the object in bytes.
    """

    def __init__(self, size: int) -> None:
        super().__init__(416, "The requested range cannot be satisfied.", reason="requestedRangeNotSatisfiable")
        self.size = size


def refuse_json(error: ApiError) -> Outgoing:
    """A refusal as a reply; a 304 has no body."""
    if error.status == 304:
        return Outgoing(status=304, content=b"")
    entry = {"message": str(error), "domain": "global", "reason": error.reason}
    if error.status == 412:
        entry |= {"locationType": "header", "location": "If-Match"}
    return as_json({"error": {"code": error.status, "message": str(error), "errors": [entry]}}, error.status, error_headers(error))


def error_headers(error: ApiError) -> dict[str, str]:
    """The headers of a refusal, in both APIs."""
    return {"Content-Range": f"bytes */{error.size}"} if isinstance(error, RangeError) else {}
