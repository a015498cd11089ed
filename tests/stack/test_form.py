"""The trigger form of a template, in a real browser: what a person fills in reaches the job, and a bad value does not."""

from __future__ import annotations

from pathlib import Path

from demo.stack import Stack
from tests.browser import browser, needs_browser
from tests.stack.cloud import Cloud
from tests.stack.form import Form

ID = "dataflow_template_form"
OUTPUT = "gs://my-bucket/elsewhere/part"


@needs_browser
def test_the_form_passes_good_values_to_the_job_and_refuses_a_bad_one(stack: Stack, cloud: Cloud, tmp_path: Path) -> None:
    cloud.script("form-counts*", [0, "JOB_STATE_RUNNING"], [1, "JOB_STATE_DONE"])
    stack.wait_for_dag(ID)
    with browser(tmp_path) as page:
        form = Form(page)
        form.visit(f"{stack.url}/dags/{ID}")
        form.click("Trigger", within="body")
        form.open("Template parameters", "element_output")
        form.fill("element_min_count", "3")
        form.fill("element_output", "nowhere")
        form.submit()
        form.until(lambda: "does not match" in form.text)
        assert not stack.api.runs(ID)

        form.fill("element_output", OUTPUT)
        form.submit()
        stack.wait_until("a run of the form", lambda: bool(stack.api.runs(ID)))
    stack.wait_until("the launch", lambda: bool(cloud.asked("flexTemplates.launch")))
    assert cloud.asked("flexTemplates.launch")[0]["body"]["launchParameter"]["parameters"] == {
        "input": "gs://my-bucket/input/*.txt",
        "output": OUTPUT,
        "min_count": "3",
    }
