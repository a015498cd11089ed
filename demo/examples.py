"""A stack in which every example DAG runs with its default parameters, because the resources that they name exist."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from demo.bucket import Bucket, python_reference
from demo.service import Service
from demo.stack import Stack

DAGS = Path(__file__).parents[1] / "dags"
PIPELINES = DAGS / "pipelines"
BUCKET, LOCATION = "demo-bucket", "us-central1"
TEMPLATES = ("ticks", "wordcount")
DAYS = range(-4, 8)
"""The days with texts, relative to today: those that the daily example counts, also in the run of yesterday, which Airflow starts before
02:30 UTC, and days to come, so that the demo can keep running."""


class DemoStack(Stack):
    """A stack with the example DAGs, their templates and input texts, and a CRM Analytics connector.

    :param text: the input text of the word counts; by default the Python reference.
    """

    def __init__(self, home: Path, *, text: str = "", **options: Any) -> None:
        super().__init__(home, DAGS, images=PIPELINES / "images.json", **{"parallelism": 4, **options})
        self.text = text or python_reference()
        self.bucket: Bucket

    @property
    def service(self) -> Service:
        """The emulated Dataflow service that runs the jobs of the examples."""
        return Service(self.emulator_url, PROJECT, LOCATION)

    def _start_services(self) -> None:
        self.bucket = Bucket(self.gcs_url, BUCKET)
        for template in TEMPLATES:
            self.bucket.write(f"templates/{template}.json", (PIPELINES / f"{template}.json").read_text("utf-8"))
        self.bucket.write("input/python-reference.txt", self.text)
        today = datetime.now(UTC).date()
        for day in (today + timedelta(days=number) for number in DAYS):
            self.bucket.write(f"days/{day}/text.txt", f"{day:%A}, {day:%d %B}\n" * day.day)
        self.extra_env |= {"DATAFLOW_BUCKET": BUCKET, "WAVE_CONNECTOR_ID": self._add_connector()}

    def _add_connector(self) -> str:
        asset = {"kind": "connector", "label": "Demo objects"}
        reply = requests.post(f"{self.emulator_url}/_emulator/wave/assets", json=asset, timeout=30)
        reply.raise_for_status()
        return str(reply.json()["id"])
