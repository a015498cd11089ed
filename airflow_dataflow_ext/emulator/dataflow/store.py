"""Stores jobs, snapshots and pipelines in the data directory, so that they outlive the emulator."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from airflow_dataflow_ext.api.dataflow.states import FAILED
from airflow_dataflow_ext.emulator.dataflow import snapshots
from airflow_dataflow_ext.emulator.dataflow.jobs import JobRecord, Json
from airflow_dataflow_ext.emulator.dataflow.lifecycle import JobReport, forget_later
from airflow_dataflow_ext.emulator.dataflow.world import World
from airflow_dataflow_ext.emulator.engines.contract import Work

STOPPED = "Workflow failed. Causes: The emulator was stopped while the job ran, and the job's process ended with it. Launch the job again."
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, sequence INTEGER, record TEXT);
CREATE TABLE IF NOT EXISTS snapshots (id TEXT PRIMARY KEY, record TEXT);
CREATE TABLE IF NOT EXISTS pipelines (name TEXT PRIMARY KEY, record TEXT);
"""
log = logging.getLogger(__name__)
_TIMES = ("created", "shown_from", "ended", "cancelling_since")
_AS_THEY_ARE = ("fields", "veiled", *_TIMES, "messages", "events", "metrics", "stages", "worker_logs")


class JobStore:
    """A SQLite file of jobs, snapshots and pipelines; one emulator at a time uses it, in one thread.

    :param directory: directory of the file, which is created if it does not exist.
    :raises ValueError: the file cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._file = directory / "dataflow.sqlite"
        self._trouble = ""
        self._saved: set[str] = set()
        self._saved_snapshots: dict[str, str] = {}
        self._saved_pipelines: dict[str, str] = {}
        with self._reading() as connection:
            connection.executescript(_TABLES)

    def load(self, world: World) -> None:
        """Load everything into the world. Jobs that were running have failed, since their processes have ended.

        :raises ValueError: the file cannot be read, or another version of the emulator wrote it.
        """
        with self._reading() as connection:
            self._load(world, connection)

    def _load(self, world: World, connection: sqlite3.Connection) -> None:
        rows = connection.execute("SELECT record FROM jobs ORDER BY sequence").fetchall()
        kept = connection.execute("SELECT record FROM snapshots").fetchall()
        pipelines = connection.execute("SELECT name, record FROM pipelines ORDER BY rowid").fetchall()
        for (text,) in rows:
            record = _record(json.loads(text), next(world.sequence))
            self._saved.add(record.id)
            world.jobs.add(record)
            if record.is_terminal:
                forget_later(world, record)
            else:
                report = JobReport(world, record)
                report.message(STOPPED, "JOB_MESSAGE_ERROR")
                report.state(FAILED)
        for (text,) in kept:
            snapshots.restore(world, json.loads(text))
        world.pipelines.update((name, json.loads(text)) for name, text in pipelines)

    def save(self, world: World) -> None:
        """Save what has changed since the last successful call; an error is logged once, and the emulator serves on."""
        trouble = ""
        try:
            self._save(world)
        except sqlite3.Error as error:
            trouble = str(error)
        if trouble and trouble != self._trouble:
            log.error("Jobs, snapshots and pipelines are not saved in %s: %s. The next change is another try.", self._file, trouble)
        self._trouble = trouble

    def _save(self, world: World) -> None:
        changed = [record for record in world.jobs if record.changed]
        gone = self._saved - {record.id for record in world.jobs}
        taken = {name: json.dumps(snapshot) for name, snapshot in world.snapshots.items()}
        pipelines = {name: json.dumps(record) for name, record in world.pipelines.items()}
        if not changed and not gone and taken == self._saved_snapshots and pipelines == self._saved_pipelines:
            return
        with self._open() as connection, connection:  # commits, then closes
            connection.executemany("DELETE FROM jobs WHERE id = ?", [(job_id,) for job_id in gone])
            rows = [(record.id, record.sequence, json.dumps(_saved_form(record))) for record in changed]
            connection.executemany("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?)", rows)
            connection.execute("DELETE FROM snapshots")
            connection.executemany("INSERT INTO snapshots VALUES (?, ?)", taken.items())
            connection.execute("DELETE FROM pipelines")
            connection.executemany("INSERT INTO pipelines VALUES (?, ?)", pipelines.items())
        self._saved = {record.id for record in world.jobs}
        self._saved_snapshots = taken
        self._saved_pipelines = pipelines
        for record in changed:
            record.changed = False

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._open() as connection:
                yield connection
        except (sqlite3.Error, LookupError, TypeError, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
            raise ValueError(f"{self._file} cannot be read as this version's jobs ({why}); without the file, there are none.") from error

    def _open(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self._file))


def _saved_form(record: JobRecord) -> Json:
    return {**{name: getattr(record, name) for name in _AS_THEY_ARE}, "work": asdict(record.work)}


def _record(saved: dict[str, Any], sequence: int) -> JobRecord:
    """A saved job; which job it was to replace is dropped, because neither runs any more."""
    return JobRecord(work=Work(**saved["work"]), sequence=sequence, **{name: saved[name] for name in _AS_THEY_ARE})
