"""The whole stack on loopback: the emulator, and an Airflow with scheduler, triggerer, DAG processor and API server.

Airflow uses SQLite and the LocalExecutor. All programs listen on free ports and write to one folder.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from demo.processes import Program, StackError, owned_by, sole_owner, stop
from demo.rest import AirflowApi, prepare_for_tasks

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")

LOCK_TIMEOUT, API_LOCK_TIMEOUT = 120, 1
"""Seconds that Airflow's programs, and its API server, wait for a lock of SQLite.

With the default of 5 s, the scheduler ends when another program holds the lock for longer. The API server can wait for itself: it writes
the audit log in its event loop, which a request that holds the lock needs to go on. It answers 500 then, and its clients ask again.
"""


@dataclass(frozen=True)
class Component:
    """One of Airflow's programs.

    :param arguments: the arguments of the ``airflow`` command.
    :param env: environment variables for this program only.
    """

    name: str
    arguments: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)


class Stack:
    """A context manager that runs the emulator and an Airflow with DAGs.

    :param home: the folder for the database, logs and objects. Those of an earlier stack are removed.
    :param dags: the folder of DAG files.
    :param images: a JSON file that maps container images to pipeline files, for the emulator.
    :param parallelism: the number of task processes that the executor starts.
    :param env: additional environment variables for every program.
    :param emulator: additional arguments for the emulator.
    :param progress: is called with a line of text for each step of the start.
    """

    def __init__(
        self,
        home: Path,
        dags: Path,
        *,
        images: Path | None = None,
        parallelism: int = 2,
        env: Mapping[str, str] | None = None,
        emulator: tuple[str, ...] = (),
        progress: Callable[[str], object] = str,
    ) -> None:
        self.home = home.resolve()
        self.dags = dags.resolve()
        self.images = images.resolve() if images else None
        self.parallelism = parallelism
        self.extra_env = dict(env or {})
        self.emulator_arguments = emulator
        self.progress = progress
        self.programs: dict[str, Program] = {}
        self.ready: dict[str, Any] = {}
        self.url = f"http://127.0.0.1:{free_port()}"
        self.api = AirflowApi(self.url)
        self._exit = ExitStack()

    @property
    def database(self) -> Path:
        """Airflow's SQLite database."""
        return self.home / "airflow" / "airflow.db"

    @property
    def emulator_url(self) -> str:
        """The URL of the emulated Dataflow service."""
        return str(self.ready["url"])

    @property
    def gcs_url(self) -> str:
        """The URL of the emulated Cloud Storage."""
        return str(self.ready["gcs_url"])

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.enter_context(sole_owner(self.home))
            undo.callback(self._stop)
            self._start()
            self._exit = undo.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._exit.close()

    def restart(self, name: str) -> None:
        """Kill one program if it still runs, and start it again; ``name`` is ``emulator`` or one of COMPONENTS."""
        self.programs[name].kill()
        self.programs[name].start()

    def check(self) -> None:
        """:raises StackError: a program that should be running has ended."""
        for program in self.programs.values():
            program.check()

    def wait_until(self, what: str, happened: Callable[[], bool], *, seconds: float = 300) -> None:
        """Wait until ``happened`` returns true, while all programs run.

        :param what: what is waited for, for the message of the error.
        :raises StackError: it did not happen in time, or a program ended.
        """
        deadline = time.monotonic() + seconds
        while not happened():
            self.check()
            if time.monotonic() > deadline:
                raise StackError(f"waited {seconds:.0f} s for {what}; the logs are in {self.home / 'logs'}")
            time.sleep(0.5)

    def wait_for_dag(self, dag_id: str) -> None:
        """Wait until Airflow has parsed the DAG.

        :raises StackError: a DAG file has an import error, or the DAG does not appear in time.
        """

        def known() -> bool:
            if errors := self.api.import_errors():
                raise StackError("\n".join(errors))
            return self.api.knows(dag_id)

        self.wait_until(f"the DAG {dag_id}", known)

    def _start(self) -> None:
        for name in ("airflow", "data", "logs"):
            shutil.rmtree(self.home / name, ignore_errors=True)
            (self.home / name).mkdir()
        self._start_emulator()
        self._start_services()
        self.progress("Creating Airflow's database")
        env = {**self._env(), **self._airflow_env(), **self.extra_env}
        self._migrate(env)
        components = self._components()
        self.progress("Starting Airflow: " + ", ".join(component.name for component in components))
        for component in components:
            self._run(component.name, [sys.executable, "-m", "airflow", *component.arguments], {**env, **component.env})
        self.wait_until("Airflow to be healthy", self._healthy, seconds=600)
        for url in self._api_servers():
            prepare_for_tasks(url)

    def _start_services(self) -> None:
        """Start other services that Airflow needs; a subclass may override this."""

    def _components(self) -> list[Component]:
        """The programs that Airflow consists of."""
        env = {"api-server": self._database_env(API_LOCK_TIMEOUT)}
        return [Component(name, [name], env.get(name, {})) for name in COMPONENTS]

    def _database_env(self, seconds: int) -> dict[str, str]:
        """The setting of Airflow's SQLite database, for a program that waits this long for a lock."""
        return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.database}?timeout={seconds}"}

    def _healthy(self) -> bool:
        return self.api.healthy()

    def _api_servers(self) -> list[str]:
        """The URL of each API server."""
        return [self.url]

    def _start_emulator(self) -> None:
        ready_file = self.home / "emulator.json"
        ready_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "airflow_dataflow_ext.emulator", "--data", str(self.home / "data")]
        # The ports are chosen here, so that the emulator has the same ones after a restart.
        command += ["--port", str(free_port()), "--gcs-port", str(free_port()), "--ready-file", str(ready_file), *self.emulator_arguments]
        if self.images:
            command += ["--images", str(self.images)]
        self._run("emulator", command, self._env())
        self.wait_until("the emulator", ready_file.exists)
        self.ready = json.loads(ready_file.read_text())

    def _migrate(self, env: Mapping[str, str]) -> None:
        program = Program("database", [sys.executable, "-m", "airflow", "db", "migrate"], env=env, log=self.home / "logs" / "database.log")
        self.programs["database"] = program
        program.start()
        if program.process and program.process.wait(300):
            program.check()
        del self.programs["database"]

    def _run(self, name: str, command: list[str], env: Mapping[str, str]) -> None:
        program = self.programs[name] = Program(name, command, env=env, log=self.home / "logs" / f"{name}.log")
        program.start()

    def _stop(self) -> None:
        stop(list(self.programs.values()))
        self.programs.clear()

    def _env(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        loopback = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
        return {**inherited, **loopback, "PYTHONUNBUFFERED": "1", **owned_by(self.home), **self.extra_env}

    def _airflow_env(self) -> dict[str, str]:
        """Airflow's configuration, see https://airflow.apache.org/docs/apache-airflow/stable/configurations-ref.html."""
        config = {
            "API__BASE_URL": self.url,  # without it, tasks would call the API on the default port
            "API__HOST": "127.0.0.1",
            "API__PORT": self.url.rpartition(":")[2],
            "API__SECRET_KEY": secrets.token_hex(16),
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "CORE__DAGS_FOLDER": str(self.dags),
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PARALLELISM": str(self.parallelism),
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "DAG_PROCESSOR__REFRESH_INTERVAL": "10",
            "DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
            "LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        }
        settings = {f"AIRFLOW__{name}": value for name, value in config.items()}
        return {**settings, **self._database_env(LOCK_TIMEOUT), "AIRFLOW_HOME": str(self.home / "airflow"), **self.ready["environment"]}


def free_port() -> int:
    """A port that no program listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
