"""The emulated org: its dataflows, recipes and connectors, its runs, and its API requests."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from airflow_dataflow_ext.emulator.http.clock import Clock
from airflow_dataflow_ext.emulator.http.payload import change
from airflow_dataflow_ext.emulator.wave.login import Sessions
from airflow_dataflow_ext.emulator.wave.runs import Ids, Json, WaveRuns, WaveSettings
from airflow_dataflow_ext.emulator.wave.script import WaveScript, WaveScripts

ASSETS = (("dataflow", "Sales"), ("dataflow", "Service"), ("recipe", "Daily recipe"), ("connector", "SFDC_LOCAL"))
"""The assets of a new emulated org."""


class WaveOrg:
    """One org, for Python code and for control calls."""

    def __init__(self, clock: Clock, settings: WaveSettings | None = None) -> None:
        self.clock = clock
        self.settings = settings or WaveSettings()
        self._first_settings = vars(copy.copy(self.settings))
        self.scripts = WaveScripts()
        self.sessions = Sessions()
        self.used = 0
        self.dataflows: dict[str, Json] = {}
        self.recipes: dict[str, Json] = {}
        self.connectors: dict[str, Json] = {}
        self._ids = Ids()
        self.runs = WaveRuns(clock, self.scripts, self.settings, self._ids)
        self._furnish()

    def add_dataflow(self, label: str, name: str = "") -> str:
        """Create a dataflow; returns its id."""
        dataflow = self._asset("02K", label, name)
        self.dataflows[dataflow["id"]] = dataflow
        return str(dataflow["id"])

    def add_recipe(self, label: str, name: str = "") -> str:
        """Create a recipe; returns its id. Its target dataflow has an id of its own and is not listed."""
        recipe = self._asset("05v", label, name)
        recipe |= {"format": "R3", "status": "New", "targetDataflowId": self._ids.new("02K")}
        self.recipes[recipe["id"]] = recipe
        return str(recipe["id"])

    def add_connector(self, label: str, name: str = "") -> str:
        """Create a connector; returns its id."""
        connector = self._asset("0It", label, name)
        self.connectors[connector["id"]] = connector
        return str(connector["id"])

    def add_run(self, label: str, name: str = "") -> str:
        """Start a run of a new dataflow, as a user would; returns the run's id."""
        dataflow = self.add_dataflow(label, name)
        return self.runs.start(self.sources()[dataflow], job_type="user", prefix="03C").id

    def sources(self) -> dict[str, Json]:
        """What can be run, by id, as AssetReferences."""
        recipes = {recipe["targetDataflowId"]: {**recipe, "id": recipe["targetDataflowId"]} for recipe in self.recipes.values()}
        everything = {**self.dataflows, **recipes, **self.connectors}
        return {id: {name: asset[name] for name in ("id", "label", "name", "namespace")} for id, asset in everything.items()}

    def all_runs(self) -> list[Json]:
        """All runs, including what the API does not show."""
        return [
            {
                "id": run.id,
                "handle": run.handle,
                "source": run.source["id"],
                "label": run.label,
                "jobType": run.job_type,
                "status": run.status,
                "created": run.created,
            }
            for run in self.runs
        ]

    def controls(self) -> dict[tuple[str, str], Callable[..., Any]]:
        """Control calls, by HTTP method and path."""
        adders = {"dataflow": self.add_dataflow, "recipe": self.add_recipe, "connector": self.add_connector, "run": self.add_run}

        def add(kind: str, label: str, name: str = "") -> Json:
            return {"id": adders[kind](label, name)}

        def put(job: str, status: str, message: str = "") -> Json:
            return {"id": self.runs.put(job, status, message).id, "status": status}

        return {
            ("GET", "wave/jobs"): self.all_runs,
            ("POST", "wave/jobs/status"): put,
            ("POST", "wave/assets"): add,
            ("GET", "wave/scripts"): lambda: [script.to_json() for script in self.scripts],
            ("POST", "wave/scripts"): lambda **script: self.scripts.add(WaveScript.from_json(script)).to_json(),
            ("DELETE", "wave/scripts"): self.scripts.clear,
            ("POST", "wave/settings"): self.set,
            ("POST", "wave/sessions/expire"): lambda: {"expired": self.sessions.expire()},
        }

    def set(self, **changes: Any) -> Json:
        """Change settings by their names.

        :raises ValueError: there is no such setting, or a value is wrong.
        """
        change(self.settings, changes)
        return dict(vars(self.settings))

    def put(self, job_id: str, status: str, message: str = "") -> None:
        """Set the status of a run at once.

        :raises KeyError: there is no such run.
        """
        self.clock.on_loop(lambda: self.runs.put(job_id, status, message))

    def wipe(self) -> None:
        """Delete runs, scripts and all assets but the first ones, and reset the settings and the number of API requests."""
        for kept in (self.dataflows, self.recipes, self.connectors, self.runs, self.scripts):
            kept.clear()
        self.used = 0
        self.set(**self._first_settings)
        self._furnish()

    def _furnish(self) -> None:
        adders = {"dataflow": self.add_dataflow, "recipe": self.add_recipe, "connector": self.add_connector, "run": self.add_run}
        for kind, label in ASSETS:
            adders[kind](label)

    def _asset(self, prefix: str, label: str, name: str) -> Json:
        return {"id": self._ids.new(prefix), "label": label, "name": name or label.replace(" ", "_"), "namespace": None}
