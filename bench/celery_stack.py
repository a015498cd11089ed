"""Airflow as in production: PostgreSQL, Celery with Redis, and two each of workers, schedulers, triggerers and API servers.

``python -m bench.celery_stack [--dags FOLDER]`` starts this Airflow and the emulator, prints their URLs, and stops them at Ctrl-C. All
programs listen on free ports of this machine. A program that ends by itself is started again, as a service manager would do.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import requests

from bench.front import Front
from bench.services import Postgres, redis, wait_for_port
from demo.processes import StackError, stop
from demo.rest import AirflowApi
from demo.stack import Component, Stack, free_port

ROOT = Path(__file__).parents[1]
TWO = (1, 2)
COMPONENTS = ("worker", "scheduler", "triggerer", "api-server")
"""The components that run twice."""

AGAIN_AFTER = 2.0
"""Seconds after which a program that has ended is started again."""

LOSSES = 40
"""How often a program may end by itself before it counts as broken."""


class CeleryStack(Stack):
    """The emulator and a distributed Airflow.

    :param options: see :class:`~demo.stack.Stack`; ``parallelism`` is the number of tasks that each worker runs at once.
    """

    def __init__(self, home: Path, dags: Path, **options: Any) -> None:
        super().__init__(home, dags, **options)
        self.restarts: Counter[str] = Counter()
        """How often each program ended by itself and was started again."""
        self.changing = threading.Lock()
        """Held while a program is killed, so that its end does not count as one by itself."""
        self._ended: dict[str, float] = {}
        self._restarts_them = False
        self._ports = {number: free_port() for number in TWO}
        self.front = Front(int(self.url.rpartition(":")[2]), list(self._ports.values()))
        """The front through which tasks reach the API servers; it can be closed for an outage."""
        self._back = Front(port := free_port(), list(self._ports.values()))
        self.api = AirflowApi(f"http://127.0.0.1:{port}")
        self.postgres = Postgres(self.home, self._env())
        self.redis_port = free_port()
        self.redis = redis(self.home, self.redis_port, self._env())
        self._beside = ExitStack()

    def __enter__(self) -> Self:
        with self._beside:
            self._beside.enter_context(self.front)
            self._beside.enter_context(self._back)
            super().__enter__()
            self._restarts_them = True
            self._beside = self._beside.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        with self._beside:
            super().__exit__(*exc)

    def check(self) -> None:
        """Once the whole stack is up, start programs again that have ended by themselves.

        :raises StackError: a program ends again and again, or the emulator has ended.
        """
        if not self._restarts_them:
            return super().check()
        for name, program in list(self.programs.items()):
            if not program.has_ended():
                self._ended.pop(name, None)
            elif name == "emulator" or self.restarts[name] >= LOSSES:
                program.check()
            elif time.monotonic() > self._ended.setdefault(name, time.monotonic()) + AGAIN_AFTER:
                with self.changing:
                    program.kill()
                    program.start()
                self.restarts[name] += 1
        return None

    def _start_services(self) -> None:
        self.progress("Starting PostgreSQL and Redis")
        self.postgres.start()
        self.redis.start()
        wait_for_port(self.redis, self.redis_port)
        self.programs |= {"postgres": self.postgres.program, "redis": self.redis}

    def _components(self) -> list[Component]:
        return [Component("dag-processor", ["dag-processor"]), *(self._component(kind, number) for kind in COMPONENTS for number in TWO)]

    def _component(self, kind: str, number: int) -> Component:
        name = f"{kind}-{number}"
        if kind == "worker":
            pid = str(self.home / "airflow" / f"{name}.pid")
            return Component(name, ["celery", "worker", "--celery-hostname", name, "--pid", pid, "--skip-serve-logs"])
        env = {"AIRFLOW__API__PORT": str(self._ports[number])} if kind == "api-server" else {}
        return Component(name, [kind], {**env, "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port())})

    def _airflow_env(self) -> dict[str, str]:
        """See https://airflow.apache.org/docs/apache-airflow-providers-celery/stable/configurations-ref.html."""
        config = {
            "CELERY__BROKER_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "CELERY__EXTRA_CELERY_CONFIG": json.dumps({"imports": ["bench.celery_warm"], "broker_connection_max_retries": None}),
            "CELERY__RESULT_BACKEND": f"db+{self.postgres.url}",
            "CELERY__WORKER_CONCURRENCY": str(self.parallelism),
            "CORE__EXECUTOR": "CeleryExecutor",
            "CORE__PARALLELISM": str(4 * self.parallelism),
            "DATABASE__SQL_ALCHEMY_CONN": self.postgres.url,
        }
        return {**super()._airflow_env(), **{f"AIRFLOW__{name}": value for name, value in config.items()}, "PYTHONPATH": str(ROOT)}

    def _api_servers(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self._ports.values()]

    def _healthy(self) -> bool:
        """Whether both of each component are healthy."""
        try:
            for url in self._api_servers():
                requests.get(f"{url}/api/v2/version", timeout=10).raise_for_status()
            jobs = [job["job_type"] for job in self.api.jobs()]
        except requests.RequestException:
            return False
        return (
            super()._healthy() and all(jobs.count(kind) >= len(TWO) for kind in ("SchedulerJob", "TriggererJob")) and self._have_workers()
        )

    def _have_workers(self) -> bool:
        """Whether both workers have logged that they are ready."""
        logs = (self.home / "logs" / f"worker-{number}.log" for number in TWO)
        return all(log.exists() and " ready." in log.read_text(errors="replace") for log in logs)

    def _stop(self) -> None:
        self._restarts_them = False
        services = [self.programs.pop(name) for name in ("redis", "postgres") if name in self.programs]
        super()._stop()
        stop(services)
        self.postgres.remove()


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.celery_stack", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dags", type=Path, default=ROOT / "dags", help="the folder of DAG files")
    parser.add_argument("--home", type=Path, default=ROOT / ".airflow" / "celery", help="folder for logs and objects")
    options = parser.parse_args()
    say: Callable[[str], None] = lambda text: print(text, flush=True)  # noqa: E731
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with CeleryStack(options.home, options.dags, progress=say) as stack:
            say(f"Airflow: {stack.url}   Dataflow: {stack.emulator_url}   logs: {stack.home / 'logs'}   Press Ctrl-C to stop.")
            while True:
                stack.check()
                time.sleep(1)
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
