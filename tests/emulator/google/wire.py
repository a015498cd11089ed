"""A plain HTTP client for the emulated Cloud Storage, without Google's clients."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

BUCKET = "a-bucket"
OBJECTS = f"/storage/v1/b/{BUCKET}/o"


@dataclass(frozen=True)
class Answer:
    """An answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def reason(self) -> str:
        """The reason in an error of the JSON API."""
        return str(self.json()["error"]["errors"][0]["reason"])


class Wire:
    """``ask("GET", "/storage/v1/b/x")`` sends a request over a new connection."""

    def __init__(self, url: str) -> None:
        self._host = url.removeprefix("http://")

    def __call__(self, verb: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        target = path + (f"?{urlencode(query)}" if query else "")
        connection = http.client.HTTPConnection(self._host, timeout=30)
        try:
            connection.request(verb, target, content, dict(headers or {}))
            reply = connection.getresponse()
            return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
        finally:
            connection.close()

    def object(self, verb: str, name: str, body: Any = None, headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
        """Send a request about an object in the test's bucket."""
        return self(verb, f"{OBJECTS}/{quote(name, safe='')}", body, headers, **query)

    def upload(self, name: str, content: bytes = b"x", headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
        """Upload an object to the test's bucket in one request."""
        return self("POST", f"/upload{OBJECTS}", content, headers, uploadType="media", name=name, **query)

    def names(self, **query: Any) -> list[str]:
        """The names in a list of the bucket."""
        return [item["name"] for item in self("GET", OBJECTS, **query).json().get("items", [])]

    def everything(self) -> str:
        """All buckets and objects as a text, to compare before and after."""
        buckets = self("GET", "/storage/v1/b", project="p").json()["items"]
        paths = [f"/storage/v1/b/{bucket['name']}/o" for bucket in buckets]
        return json.dumps([buckets, *(self("GET", path, versions="true").json() for path in paths)])
