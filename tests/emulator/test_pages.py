"""What a task's link leads to on the emulator."""

from __future__ import annotations

import requests

from airflow_dataflow_ext.api.dataflow.job import Place
from airflow_dataflow_ext.emulator import Emulator, JobMessage, ManualClock
from airflow_dataflow_ext.emulator.engines.timeline import Metrics, service_metric
from airflow_dataflow_ext.links.dataflow import DataflowJobLink
from airflow_dataflow_ext.links.wave import WaveDataManagerLink
from tests.asking import Asker


def link(root: str, job_id: str) -> str:
    return DataflowJobLink.url(Place(project_id="a-project", location="us-central1").job(job_id), root=root)


def test_the_link_of_a_task_leads_to_its_job(still_emulator: Emulator, ask: Asker, clock: ManualClock) -> None:
    steps = [(0, "JOB_STATE_RUNNING"), (1, JobMessage("Reading <b>all</b> & sundry")), (1, Metrics([service_metric("Rows", "rows", 7)]))]
    still_emulator.scripts.play("wc", steps)
    job = ask.launch("wc", parameters={"output": "gs://b/<o>"})
    clock.advance(2)
    page = requests.get(link(still_emulator.url, job["id"]), timeout=60)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=UTF-8")
    for shown in ("JOB_STATE_RUNNING", "Reading &lt;b&gt;all&lt;/b&gt; &amp; sundry", "gs://b/&lt;o&gt;", "Rows", "<td>7</td>"):
        assert shown in page.text
    assert job["id"] in requests.get(f"{still_emulator.url}/dataflow/jobs?project=a-project", timeout=60).text


def test_the_page_of_a_job_that_is_not_there_says_so(emulator: Emulator) -> None:
    page = requests.get(link(emulator.url, "<none>"), timeout=60)
    assert page.status_code == 404
    assert "There is no job &lt;none&gt; in project a-project, location us-central1." in page.text


def test_the_link_of_a_job_of_google_leads_to_the_console() -> None:
    link_of_google = link("https://dataflow.googleapis.com", "j")
    assert link_of_google == "https://console.cloud.google.com/dataflow/jobs/us-central1/j?project=a-project"


def test_the_link_of_a_run_leads_to_the_list_of_runs(emulator: Emulator) -> None:
    org = emulator.wave
    source = next(iter(org.sources().values()))
    run = emulator.clock.on_loop(lambda: org.runs.start({**source, "label": "A<b>"}, job_type="user", prefix="03C"))
    page = requests.get(WaveDataManagerLink.url(root=emulator.url), timeout=60)
    assert page.status_code == 200
    assert run.id in page.text
    assert "A&lt;b&gt;" in page.text
