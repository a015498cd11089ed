"""The control calls under ``/_emulator/``, by which a test in another process controls the emulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from airflow_dataflow_ext.emulator.dataflow.jobs import JobRecord, known_state
from airflow_dataflow_ext.emulator.dataflow.lifecycle import move
from airflow_dataflow_ext.emulator.dataflow.world import World
from airflow_dataflow_ext.emulator.engines.scripted import Script, Scripts
from airflow_dataflow_ext.emulator.google.oauth import IssuedTokens
from airflow_dataflow_ext.emulator.http.clock import ManualClock
from airflow_dataflow_ext.emulator.http.errors import short
from airflow_dataflow_ext.emulator.http.faults import Fault, Faults
from airflow_dataflow_ext.emulator.http.payload import invoke, read_json
from airflow_dataflow_ext.emulator.http.request_log import RequestLog
from airflow_dataflow_ext.emulator.http.server import read_body
from airflow_dataflow_ext.emulator.wave.org import WaveOrg


class Control:
    """What a test can set and read in the emulator, in Python and over HTTP."""

    def __init__(
        self,
        world: World,
        wave: WaveOrg,
        *,
        faults: Faults,
        scripts: Scripts,
        log: RequestLog,
        tokens: IssuedTokens,
        environment: Callable[[], dict[str, str]],
    ) -> None:
        self.world = world
        self.wave = wave
        self.faults = faults
        self.scripts = scripts
        self.log = log
        self.tokens = tokens
        self._calls: dict[tuple[str, str], Callable[..., Any]] = {
            ("GET", "health"): self.health,
            ("GET", "environment"): environment,
            ("GET", "faults"): lambda: [fault.to_json() for fault in faults],
            ("POST", "faults"): lambda **fault: faults.set(Fault.from_json(fault)).to_json(),
            ("DELETE", "faults"): faults.clear,
            ("GET", "faults/unused"): lambda: [fault.to_json() for fault in faults.unused()],
            ("GET", "scripts"): lambda: [script.to_json() for script in scripts],
            ("POST", "scripts"): lambda **script: scripts.add(Script.from_json(script)).to_json(),
            ("DELETE", "scripts"): scripts.clear,
            ("GET", "requests"): self.requests,
            ("DELETE", "requests"): log.clear,
            ("GET", "clock"): lambda: {"now": world.clock.now(), "manual": isinstance(world.clock, ManualClock)},
            ("POST", "clock"): self.advance,
            ("GET", "jobs"): lambda: [shown(record) for record in world.jobs],
            ("POST", "jobs/state"): self.set_state,
            ("GET", "settings"): world.settings.to_json,
            ("POST", "settings"): self.set,
            ("POST", "tokens/expire"): lambda: {"expired": tokens.expire()},
            ("POST", "wipe"): self.wipe,
            **wave.controls(),
        }

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a control call, whose arguments are the query and the fields of the JSON body; errors are answered with 400 and a text."""
        name = request.match_info["tail"].strip("/")
        call = self._calls.get((request.method, name))
        if call is None:
            known = ", ".join(f"{verb} {path}" for verb, path in self._calls)
            return web.json_response({"error": f"there is no control call {request.method} {name}; the calls are {known}"}, status=404)
        try:
            content = await read_body(request)
            body = _object(content)
            answer = invoke(call, {**request.query, **body})
            return web.json_response({} if answer is None else answer)
        except KeyError as error:
            return web.json_response({"error": f"{request.method} {name}: missing or unknown: {short(error.args[0])}"}, status=400)
        except ValueError as error:
            return web.json_response({"error": f"{request.method} {name}: {error}"[:2000]}, status=400)
        except Exception as error:
            return web.json_response({"error": f"The emulator failed: {type(error).__name__}: {error}"}, status=500)

    def health(self) -> dict[str, Any]:
        return {"status": "serving", "engine": self.world.engine.name, "jobs": len(self.world.jobs)}

    def requests(self, method: str = "") -> dict[str, Any]:
        """Counts by method id, and the newest requests, for all methods or one."""
        entries = self.log.of(method) if method else list(self.log)
        return {"counts": self.log.counts, "requests": [entry.to_json() for entry in entries]}

    def advance(self, advance: float) -> dict[str, float]:
        """Let some seconds pass.

        :raises ValueError: the emulator uses the machine's clock.
        """
        if not isinstance(self.world.clock, ManualClock):
            raise ValueError("the emulator runs on the machine's clock; start it with a manual clock to advance it")
        self.world.clock.advance(advance)
        return {"now": self.world.clock.now()}

    def set_state(self, job: str, state: str) -> dict[str, Any]:
        """Put a job into a state at once, whatever its engine does; the engine may change a state that is not terminal again.

        :raises KeyError: there is no such job.
        :raises ValueError: there is no such state.
        """
        record = self.world.jobs.get(job)
        if record is None:
            raise KeyError(job)
        known_state(state)
        record.unveil()
        move(self.world, record, state)
        return shown(record)

    def set(self, **changes: Any) -> dict[str, Any]:
        """Change settings by their names.

        :raises ValueError: there is no such setting, or a value is wrong.
        """
        self.world.settings.change(**changes)
        return self.world.settings.to_json()

    def wipe(self) -> None:
        """Delete jobs, snapshots, pipelines, scripts, faults and the request log, and reset all settings; running jobs are stopped."""
        for record in list(self.world.jobs):
            if not record.is_terminal:
                self.world.engine.stop(record.id, drain=False)
            self.world.jobs.remove(record)
        self.world.snapshots.clear()
        self.world.leases.clear()
        self.world.pipelines.clear()
        self.world.reset_settings()
        self.world.clock.clear()
        self.wave.wipe()
        self.faults.clear()
        self.scripts.clear()
        self.log.clear()


def _object(content: bytes) -> dict[str, Any]:
    """
    :raises ValueError: a body is not a JSON object.
    """
    try:
        body = read_json(content) if content.strip() else {}
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise ValueError("the body is not a JSON object")
    return body


def shown(record: JobRecord) -> dict[str, Any]:
    """A job, including what the API does not show."""
    return {
        "job": record.fields,
        "veiled": record.veiled,
        "kind": record.work.kind,
        "template": record.work.template,
        "parameters": dict(record.work.parameters),
        "environment": dict(record.work.environment),
        "messages": len(record.messages),
    }
