"""Arbitrary requests to every server of the emulator, from almost valid ones to bytes that are not HTTP."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from string import Formatter
from typing import Any
from urllib.parse import quote, urlencode

from airflow_dataflow_ext.api.dataflow import methods as dataflow
from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.api.wave import methods as wave
from airflow_dataflow_ext.emulator.dataflow.pages import JOB, JOBS
from airflow_dataflow_ext.emulator.google.oauth import OAuthService
from airflow_dataflow_ext.emulator.wave import platform
from airflow_dataflow_ext.emulator.wave.login import CONSUMER_KEY, WaveLogin
from airflow_dataflow_ext.emulator.wave.pages import DATA_MANAGER
from bench.fuzz_client import Sent
from bench.fuzz_state import BUCKET, State

STREAM, BATCH, RUN, FLOW = ("{stream}", "{batch}", "{run}", "{flow}")
"""Placeholders for ids of existing resources."""
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
STEPS: Sequence[Any] = (
    *([], [[0, "JOB_STATE_RUNNING"]], [[0, "RUNNING"]], [[1, "JOB_STATE_DONE"], [0, "JOB_STATE_RUNNING"]], [[0]], [5], "x"),
    *([[0, {"message": "m"}]], [[0, {"message": 5}]], [[0, {"metrics": [{}]}]], [[0, {"stages": [{}]}]], [[0, {"describe": {"id": 1}}]]),
)
SETTINGS: Mapping[str, Sequence[Any]] = {
    "read_lag": (0, 1e14),
    "page_size": (1, 0),
    "page_cap": (1, 0.5),
    "failed_locations": ([], ["x"], "x", [1]),
    "jobs_per_project": (None, 0, 3, -1, "3"),
    "full": ({}, {"us-central1": "QUOTA_FOR_CPUS"}, {"us-central1": "x"}, {"x": "ZONE_RESOURCE_POOL_EXHAUSTED"}, {"x": 1}, []),
}
GOOGLES = [variant for method in dataflow.all_methods() for variant in method.variants()]
SALESFORCES = [*wave.all_methods(), *platform.answers, WaveLogin.token, WaveLogin.soap]
OTHERS = [OAuthService.token, OAuthService.impersonate, JOBS, JOB, DATA_MANAGER]
CONTROLS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "jobs/state": {"job": (STREAM, BATCH, "none"), "state": ("JOB_STATE_DONE", "JOB_STATE_DOEN", "JOB_STATE_RUNNING")},
    "faults": {"method": ("jobs.*", "*"), "status": (500, 429, 200), "times": (1, None, 0), "delay": (0.0, -1), "headers": ({"A": "b"},)},
    "scripts": {"pattern": ("*", "[", "wc"), "type": ("JOB_TYPE_STREAMING", "x"), "steps": STEPS, "on_cancel": STEPS},
    "clock": {"advance": (0, 1, 60.5, 1e300, -1)},
    "settings": SETTINGS,
    "wave/jobs/status": {"job": (RUN, "x"), "status": ("Success", "Running", "x"), "message": ("", "<b>")},
    "wave/assets": {"kind": ("dataflow", "recipe", "connector", "run", "x"), "label": ("A", " "), "name": ("", "a")},
    "wave/scripts": {"pattern": ("*",), "seconds": (1, -1), "nodes": ([{"name": "n"}], [{}], [5]), "status": ("Success",)},
    "wave/settings": {"api_requests": (0, 15000), "handle": ("gone", "x"), "list_lag": (0, 5.5)},
}
PLAIN_CONTROLS = ("health", "environment", "faults/unused", "requests", "jobs", "tokens/expire", "wipe", "wave/jobs", "nothing")
FIELDS: Mapping[str, Mapping[str, Sequence[Any]]] = {
    "wave.jobs.start": {"command": ("start", "stop", 5), "dataflowId": (FLOW, "02K", None)},
    "wave.jobs.update": {"command": ("stop", "STOP", "")},
    "oauth.token": {"grant_type": (JWT, "refresh_token", "x"), "assertion": ("a.b.c", "W10.W10.W10"), "refresh_token": ("x",)},
    "oauth.salesforce.token": {
        "grant_type": (JWT, "password", "client_credentials"),
        "client_id": (CONSUMER_KEY,),
        "assertion": ("a.b.c",),
    },
    "iam.generateAccessToken": {"scope": (["x"], "x", []), "lifetime": ("60s", "-1s", 5, "1e9s")},
}
"""Fields that the calls know; the other fields of a body are arbitrary."""

STORAGE = (
    "storage/v1/b",
    f"storage/v1/b/{BUCKET}",
    f"storage/v1/b/{BUCKET}/o",
    f"storage/v1/b/{BUCKET}/o/an-object",
    f"storage/v1/b/{BUCKET}/o/an-object/copyTo/b/{BUCKET}/o/another",
    f"upload/storage/v1/b/{BUCKET}/o",
    f"resumable/upload/storage/v1/b/{BUCKET}/o",
    f"download/storage/v1/b/{BUCKET}/o/an-object",
    f"{BUCKET}/an-object",
    "batch/storage/v1",
    "wipe",
)
STORAGE_QUERY = (
    *("alt", "delimiter", "fields", "generation", "ifGenerationMatch", "ifGenerationNotMatch", "ifMetagenerationMatch", "maxResults"),
    *("name", "pageToken", "prefix", "project", "projection", "startOffset", "uploadType", "upload_id", "versions"),
)
SERVERS = {"dataflow": 6, "wave": 3, "logins": 2, "control": 3, "storage": 3}
"""The servers that get requests, with their weights; logins and pages are one."""
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW", "get")
WORDS = (
    *("", " 5 ", "５", "+5", "1_0", "-1", "0", "1", "9" * 30, "NaN", "Infinity", "1e999", "true", "TRUE", "null", "[]", "{}", "*", "-"),
    *("JOB_VIEW_ALL", "ACTIVE", "SOME", "gs://b/t", "gs://", "media", "resumable", "multipart", "jobs(id", "a(" * 1100, "id,name", "/"),
    *("..", "../..", "%00", "%ff", "%2f", "a/b", "a:b", "\u00e9", "\U0001f600", "\ud800", "'", '"', "<script>", "x" * 3000, "\x00", "\r\n"),
    *("2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "9999-99-99T99:99:99Z", "3600s", "-1s", "1s1s", "us-centrall1", "Not A Project"),
)
HEADERS = (
    *("Authorization: Bearer x", "Authorization: Basic //79", "Authorization: Basic !", "Authorization: Bearer a.b.c", "Authorization: é"),
    *("Content-Type: text/xml", "Content-Type: multipart/related; boundary=", "Content-Type: multipart/related; boundary='x'"),
    *("Content-Type: application/x-www-form-urlencoded", "Content-Type: \x01", "X-Chatter-Entity-Encoding: false", "Host:", "Host: é/<b>"),
    *("Range: bytes=5-1", "Range: bytes=-", "Range: bytes=99-", "Expect: 100-continue", "Expect: tea", "X-HTTP-Method-Override: DELETE"),
    *("Content-Range: bytes */*", "Content-Range: bytes 0-5/x", "If-None-Match: *", "Accept-Encoding: gzip", "Cookie: \udcff"),
)
ENCODINGS = ("gzip", "deflate", "br", "zstd", "tea")


def any_request(chance: random.Random, state: State, servers: Sequence[str]) -> Sent:
    """Make a random request."""
    kind = chance.choices(servers, [SERVERS[name] for name in servers])[0]
    if kind == "control":
        call = chance.choice((*CONTROLS, *PLAIN_CONTROLS))
        return _send(chance, state.port, _control_verb(chance), f"_emulator/{call}", (), _fields(chance, state, CONTROLS.get(call, {})))
    if kind == "storage":
        return _send(chance, state.gcs_port, chance.choice(VERBS[:6]), _bent(chance, chance.choice(STORAGE)), STORAGE_QUERY, {})
    if chance.random() < 0.05:
        return _send(chance, state.port, chance.choice(VERBS), _bent(chance, "v1b3/projects"), ("project",), {})
    method = chance.choice({"dataflow": GOOGLES, "wave": SALESFORCES, "logins": OTHERS}[kind])
    lines = (f"Authorization: Bearer {state.session}",) if kind == "wave" and chance.random() < 0.8 else ()
    verb = method.verb if chance.random() < 0.9 else chance.choice(VERBS)
    fields = _fields(chance, state, FIELDS.get(method.id, {}))
    return _send(chance, state.port, verb, path_of(chance, state, method), method.query, fields, lines)


def path_of(chance: random.Random, state: State, method: Method, *, wrong: float = 0.15) -> str:
    """The path of a method, mostly with the ids of existing resources.

    :param wrong: the probability that one of its values is arbitrary.
    """
    parts = []
    for text, name, _, _ in Formatter().parse(method.path):
        value = chance.choice(state.ids.get(name or "", [""]) or [""])
        value = chance.choice(WORDS) if chance.random() < wrong else value
        parts.append(text + (quote(value, safe="", errors="surrogatepass") if name else ""))
    return _bent(chance, "".join(parts)) if chance.random() < wrong else "".join(parts)


def _control_verb(chance: random.Random) -> str:
    return chance.choice(("GET", "POST", "POST", "POST", "DELETE"))


def _bent(chance: random.Random, path: str) -> str:
    """A path with something wrong in it."""
    if chance.random() < 0.5:
        return path
    at = chance.randrange(len(path) + 1)
    word = quote(chance.choice(WORDS), safe=chance.choice(("", "/%'<>\"")), errors="surrogatepass")
    return path[:at] + word + path[at:]


def _fields(chance: random.Random, state: State, known: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """The fields of a body: almost valid if the valid ones are known, otherwise with names that some server knows."""
    if known and chance.random() < 0.8:
        chosen = {name: chance.choice(known[name]) for name in known if chance.random() < 0.8}
        if chosen and chance.random() < 0.3:
            chosen[chance.choice(list(chosen))] = any_value(chance)
        return {name: state.names.get(value, value) if isinstance(value, str) else value for name, value in chosen.items()}
    names = (
        *("jobName", "parameters", "environment", "update", "launchParameter", "gcsPath", "location", "labels", "name", "requestedState"),
        *("stageStates", "steps", "scope", "lifetime", "grant_type", "assertion", "client_id", "command", "dataflowId", "method", "status"),
        *("reset", "delay", "times", "pattern", "type", "advance", "job", "state", "kind", "label", "read_lag", "page_size", "nodes"),
        *("failed_locations", "api_requests", "handle", "seconds", "headers", "probability", "updateMask", "workItemStatuses", "ttl"),
    )
    return {name: any_value(chance) for name in chance.sample(names, chance.randrange(4))}


def any_value(chance: random.Random, depth: int = 0) -> Any:
    """An arbitrary JSON value, or a value that is not valid JSON."""
    kind = chance.randrange(9 if depth < 3 else 6)
    if kind < 3:
        return chance.choice(WORDS)
    if kind < 6:
        return chance.choice((None, True, False, 0, 1, -1, 2**31, 2**63, 10**400, 0.5, float("nan"), float("inf"), 1e308))
    if kind < 8:
        return {str(chance.choice(WORDS)): any_value(chance, depth + 1) for _ in range(chance.randrange(4))}
    return [any_value(chance, depth + 1) for _ in range(chance.randrange(4))]


def _send(
    chance: random.Random, port: int, verb: str, path: str, names: Sequence[str], fields: dict[str, Any], lines: tuple[str, ...] = ()
) -> Sent:
    asked = chance.sample([*names, "fields", "alt", "nope"], chance.choice((0, 0, 0, 1, 2)))
    query = [(name, chance.choice(WORDS)) for name in asked]
    target = "/" + path + ("?" + urlencode(query, errors="surrogatepass") if query else "")
    lines += tuple(chance.sample(HEADERS, chance.choice((0, 0, 0, 1, 2))))
    body = b"" if verb == "GET" and chance.random() < 0.8 else _body(chance, fields)
    if body and chance.random() < 0.02:
        return Sent(port=port, verb=verb, target=target, lines=lines, body=body, missing=5)
    if body and chance.random() < 0.1:
        return _encoded(chance, Sent(port=port, verb=verb, target=target, lines=lines, body=body))
    return Sent(port=port, verb=verb, target=target, lines=lines, body=body)


def _body(chance: random.Random, fields: dict[str, Any]) -> bytes:
    kind = chance.randrange(20) if chance.random() < 0.5 else 0
    if kind < 10:
        return json.dumps(fields).encode()
    if kind < 13:
        return urlencode({name: str(value) for name, value in fields.items()}, errors="surrogatepass").encode()
    if kind == 13:
        return b"[" * 5000 if chance.random() < 0.5 else json.dumps(fields).encode() + b"x"
    if kind == 14:
        return b'{"labels": {"a": "' + b"x" * 100_000 + b'"}}'
    if kind == 15:
        return b"--x\r\nContent-Type: application/json\r\n\r\n{}\r\n--x\r\n\r\nabc\r\n--x--"
    if kind == 16:
        strange = (b'<?xml version="1.0" encoding="tea"?><a/>', b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>")
        return chance.choice((b"<a/>", b"<a><username>&#0;</username>", *strange))
    return chance.randbytes(chance.randrange(200)) if kind < 19 else b""


def _encoded(chance: random.Random, sent: Sent) -> Sent:
    """A body whose headers say that it is compressed or chunked, whether it is or not."""
    if chance.random() < 0.3:
        body = chance.choice((b"5\r\nabcde\r\n0\r\n\r\n", b"zz\r\n", b"-1\r\n\r\n"))
        return replace(sent, lines=(*sent.lines, "Transfer-Encoding: chunked"), body=body, framed=False)
    body = gzip.compress(sent.body, mtime=0) if chance.random() < 0.5 else sent.body
    return replace(sent, lines=(*sent.lines, f"Content-Encoding: {chance.choice(ENCODINGS)}"), body=body)
