"""The whole emulator as one object, which runs in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from airflow_dataflow_ext.emulator.cloud_logging.service import CloudLoggingServer
from airflow_dataflow_ext.emulator.data_pipelines.service import DataPipelinesServer
from airflow_dataflow_ext.emulator.dataflow.capacity import CapacityEngine
from airflow_dataflow_ext.emulator.dataflow.pages import JobPages
from airflow_dataflow_ext.emulator.dataflow.script_check import check_script
from airflow_dataflow_ext.emulator.dataflow.service import DataflowServer
from airflow_dataflow_ext.emulator.dataflow.store import JobStore
from airflow_dataflow_ext.emulator.dataflow.world import Settings, World
from airflow_dataflow_ext.emulator.directory import Directory
from airflow_dataflow_ext.emulator.engines.choice import AutoEngine
from airflow_dataflow_ext.emulator.engines.contract import Engine
from airflow_dataflow_ext.emulator.engines.images import ImagesGiven, images_of
from airflow_dataflow_ext.emulator.engines.scripted import ScriptedEngine, Scripts
from airflow_dataflow_ext.emulator.google.oauth import PROJECT, IssuedTokens, OAuthService, ServiceAccount
from airflow_dataflow_ext.emulator.google.objects import Objects
from airflow_dataflow_ext.emulator.http.clock import Clock, RealClock
from airflow_dataflow_ext.emulator.http.control import Control, shown
from airflow_dataflow_ext.emulator.http.faults import Fault, Faults
from airflow_dataflow_ext.emulator.http.request_log import RequestLog
from airflow_dataflow_ext.emulator.http.router import NAME, Service
from airflow_dataflow_ext.emulator.http.server import HOST, Server
from airflow_dataflow_ext.emulator.wave.login import PASSWORD, SECURITY_TOKEN, USERNAME, WaveLogin
from airflow_dataflow_ext.emulator.wave.org import WaveOrg
from airflow_dataflow_ext.emulator.wave.pages import DataManagerPage
from airflow_dataflow_ext.emulator.wave.platform import SalesforcePlatform
from airflow_dataflow_ext.emulator.wave.service import WaveServer

if TYPE_CHECKING:
    from airflow_dataflow_ext.emulator.google.gcs import GcsServer

ENGINES = ("auto", "beam", "scripted")
SAVE_EVERY = 0.5
"""Seconds between two saves; an emulator that is killed loses at most this much."""
Result = TypeVar("Result")
log = logging.getLogger(__name__)


class UnusedFaultsError(AssertionError):
    """A test set faults that were never used, so it did not test what it claims."""

    def __init__(self, unused: list[Fault]) -> None:
        super().__init__(f"{len(unused)} fault(s) were set but not used: {'; '.join(map(str, unused))}")


class EmulatedJobs:
    """The emulated jobs, for a test to read and to change."""

    def __init__(self, control: Control, clock: Clock) -> None:
        self._control = control
        self._clock = clock

    def __len__(self) -> int:
        return len(self._control.world.jobs)

    def all(self) -> list[dict[str, Any]]:
        """Every job in full, together with what the emulator keeps about it."""
        return self._clock.on_loop(lambda: [shown(record) for record in self._control.world.jobs])

    def by_name(self, name: str) -> list[dict[str, Any]]:
        """The Jobs of this name, oldest first."""
        return [entry["job"] for entry in self.all() if entry["job"]["name"] == name]

    def set_state(self, job_id: str, state: str) -> None:
        """Put a job into a state at once.

        :raises KeyError: there is no such job.
        :raises ValueError: there is no such state.
        """
        self._clock.on_loop(lambda: self._control.set_state(job_id, state))


class Emulator:
    """The emulated services on this machine, as a context manager.

    :param port: port of the services; 0 takes any free one.
    :param gcs_port: the same for Cloud Storage; None serves no Cloud Storage, which only the scripted engine can do without.
    :param data: directory that keeps objects, jobs, snapshots and the service account's key, for one emulator at a time; without one,
        everything is lost at the end.
    :param engine: ``scripted``, ``beam``, or ``auto``, which uses a script if one matches the job's name, else Beam.
    :param images: maps a container image to what runs in its place, the path of a Python pipeline or an ``Image``; or the path of a JSON
        file that does.
    :param auth: ``optional`` checks a token if there is one, ``required`` also refuses a call without one, ``off`` checks nothing.
    :param token_lifetime: seconds for which a token is valid.
    :param strict_faults: whether ``close`` raises an error for faults that were never used.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        gcs_port: int | None = None,
        data: str | Path | None = None,
        engine: str = "scripted",
        clock: Clock | None = None,
        auth: str = "optional",
        token_lifetime: int = 3600,
        images: ImagesGiven = None,
        settings: Settings | None = None,
        strict_faults: bool = False,
    ) -> None:
        if engine not in ENGINES:
            raise ValueError(f"engine must be one of {', '.join(ENGINES)}, not {engine!r}")
        self.clock: Clock = clock or RealClock()
        self.faults = Faults()
        self.scripts = Scripts(check_script)
        self.requests = RequestLog()
        self.settings = settings or Settings()
        self.wave = WaveOrg(self.clock)
        self.url = ""
        self.gcs_url = ""
        self._port = port
        self._gcs_port = gcs_port if gcs_port is not None or engine == "scripted" else 0
        self._data = Path(data) if data else None
        self._directory = Directory(self._data)
        self._engine = engine
        self._images = images_of(images)
        self._strict = strict_faults
        self._account = ServiceAccount(self._data)
        self.tokens = IssuedTokens(self._account, auth=auth, lifetime=token_lifetime)
        self._store: JobStore | None = None
        self._saving: asyncio.Task[None] | None = None
        self._gcs: GcsServer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.objects = Objects()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close(strict=self._strict and kind is None)

    def start(self) -> Self:
        """Serve until :meth:`close` is called.

        :raises OSError: a port is taken, or the data directory cannot be written.
        :raises ValueError: another emulator uses the data directory, or a file in it cannot be read.
        """
        try:
            self._directory.open()
            self._start_storage()
            self._control, self._server = self._assemble()
            self.jobs = EmulatedJobs(self._control, self.clock)
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._serve, args=(self._loop,), name="dataflow-emulator", daemon=True)
            self._thread.start()
            port = self._wait_for(self._listen(self._loop))
        except BaseException:
            self.close(strict=False)
            raise
        self.url = f"http://{NAME}:{port}"
        return self

    def close(self, *, strict: bool | None = None) -> None:
        """Stop serving, and stop all running jobs.

        :param strict: overrides ``strict_faults``.
        :raises UnusedFaultsError: some faults were set but not used, and ``strict_faults`` is on.
        """
        if self._thread is not None and self._loop is not None:
            self._wait_for(self._shut_down())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None
        if self._gcs is not None:
            gcs, self._gcs = self._gcs, None
            gcs.stop()
        self._directory.close()
        unused = self.faults.unused()
        if unused and (self._strict if strict is None else strict):
            raise UnusedFaultsError(unused)

    def service_account_key(self) -> dict[str, str]:
        """The content of a service account key file for this emulator; its ``token_uri`` leads to the emulator."""
        return self._account.key(self.url)

    def connections(self) -> dict[str, str]:
        """Environment variables that make Airflow use this emulator."""
        extra = {"project": PROJECT, "keyfile_dict": json.dumps(self.service_account_key()), "dataflow_endpoint": self.url}
        google = {"conn_type": "google_cloud_platform", "extra": extra}
        storage = {"STORAGE_EMULATOR_HOST": self.gcs_url} if self.gcs_url else {}
        salesforce = {
            "conn_type": "salesforce",
            "login": USERNAME,
            "password": PASSWORD,
            "extra": {"security_token": SECURITY_TOKEN, "instance_url": self.url},
        }
        connections = {"AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": json.dumps(google), "AIRFLOW_CONN_SALESFORCE_DEFAULT": json.dumps(salesforce)}
        return {**connections, **storage}

    def environment(self) -> dict[str, str]:
        """The variables of :meth:`connections`, and the credentials that Google's own clients look for, including Beam's."""
        file = self._directory.path() / "google-credentials.json"
        self._account.write_key(self.url, file)
        return {**self.connections(), "GOOGLE_APPLICATION_CREDENTIALS": str(file)}

    def wipe(self) -> None:
        """Delete all jobs, snapshots, scripts and faults, and the request log, and reset all settings to what they were at the start."""
        self.clock.on_loop(self._control.wipe)

    def _start_storage(self) -> None:
        if self._gcs_port is None:
            return
        from airflow_dataflow_ext.emulator.google.gcs import GcsServer

        # Pipelines of the Beam engine send no token, because the user's credentials must never reach them.
        tokens = self.tokens if self._engine == "scripted" else self.tokens.letting_in()
        self._gcs = GcsServer(HOST, self._gcs_port, self._data / "gcs" if self._data else None, tokens=tokens)
        self._gcs.start()
        self.gcs_url, self.objects = self._gcs.url, self._gcs.objects

    def _assemble(self) -> tuple[Control, Server]:
        engine = CapacityEngine(self._make_engine(), self.clock, self.settings)
        self.world = world = World(clock=self.clock, engine=engine, objects=self.objects, settings=self.settings)
        control = Control(
            world,
            self.wave,
            faults=self.faults,
            scripts=self.scripts,
            log=self.requests,
            tokens=self.tokens,
            environment=self.environment,
        )
        org = WaveServer(self.wave)
        services: list[Service] = [
            DataflowServer(world, self.tokens),
            DataPipelinesServer(world, self.tokens),
            CloudLoggingServer(world, self.tokens),
            OAuthService(self._account, self.tokens),
            org,
            SalesforcePlatform(org, self.wave.sessions),
            WaveLogin(self.wave.sessions, self._account.public_key),
            JobPages(world),
            DataManagerPage(self.wave),
        ]
        return control, Server(services, clock=self.clock, faults=self.faults, log=self.requests, control=control.handle)

    def _make_engine(self) -> Engine:
        scripted = ScriptedEngine(self.clock, self.scripts)
        if self._engine == "scripted":
            return scripted
        from airflow_dataflow_ext.emulator.engines.beam import BeamEngine

        beam = BeamEngine(self._images, self.gcs_url, self._directory.path() / "logs")
        return beam if self._engine == "beam" else AutoEngine(beam, scripted, self.scripts)

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()

    def _wait_for(self, work: Coroutine[Any, Any, Result]) -> Result:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self, loop: asyncio.AbstractEventLoop) -> int:
        self.clock.bind(loop)
        if self._data is not None:
            self._store = JobStore(self._data)
            self._store.load(self._control.world)
            self._saving = loop.create_task(self._save_often(self._store), name="save")
        return await self._server.start(self._port)

    async def _save_often(self, store: JobStore) -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY)
            store.save(self._control.world)

    async def _shut_down(self) -> None:
        await self._server.stop()
        await self._control.world.engine.close()
        if self._store is not None and self._saving is not None:
            self._saving.cancel()
            self._store.save(self._control.world)
        self.clock.clear()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:  # of connections that clients have not closed
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
