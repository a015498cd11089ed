"""How a test asks the storage emulator without any of Google's clients."""

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
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def reason(self) -> str:
        """The reason that an error of the JSON API gives."""
        return str(self.json()["error"]["errors"][0]["reason"])


class Wire:
    """``ask("GET", "/storage/v1/b/x")``, each on a connection of its own."""

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
        """Ask an object of the test's bucket."""
        return self(verb, f"{OBJECTS}/{quote(name, safe='')}", body, headers, **query)

    def upload(self, name: str, content: bytes = b"x", headers: Mapping[str, str] | None = None, **query: Any) -> Answer:
        """Upload into the test's bucket in one go."""
        return self("POST", f"/upload{OBJECTS}", content, headers, uploadType="media", name=name, **query)

    def names(self, **query: Any) -> list[str]:
        """The names that the bucket lists."""
        return [item["name"] for item in self("GET", OBJECTS, **query).json().get("items", [])]

    def everything(self) -> str:
        """All that can be seen of buckets and objects, to compare before and after."""
        buckets = self("GET", "/storage/v1/b", project="p").json()["items"]
        paths = [f"/storage/v1/b/{bucket['name']}/o" for bucket in buckets]
        return json.dumps([buckets, *(self("GET", path, versions="true").json() for path in paths)])
