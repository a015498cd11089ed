"""The filters of Cloud Logging's ``entries.list``."""

from __future__ import annotations

import pytest

from airflow_dataflow_ext.api.cloud_logging.methods import LogEntry
from airflow_dataflow_ext.emulator import Emulator, ManualClock, WorkerLog
from tests.asking import PROJECT, Asker, RefusedError


def found(ask: Asker, text: str) -> list[str]:
    body = {"resourceNames": [f"projects/{PROJECT}"], "filter": text}
    return [entry["jsonPayload"]["message"] for entry in ask(LogEntry.list, body).get("entries", ())]


def test_a_time_selects_entries_from_it_on_or_at_it(still_emulator: Emulator, ask: Asker, clock: ManualClock) -> None:
    still_emulator.scripts.play("wc", [(0, "JOB_STATE_RUNNING"), (1, WorkerLog("first")), (2, WorkerLog("second"))])
    ask.launch("wc")
    clock.advance(5)
    entries = ask(LogEntry.list, {"resourceNames": [f"projects/{PROJECT}"]})["entries"]
    assert [entry["jsonPayload"]["message"] for entry in entries] == ["first", "second"]
    assert found(ask, f'timestamp>="{entries[0]["timestamp"]}"') == ["first", "second"]
    assert found(ask, f'timestamp="{entries[0]["timestamp"]}"') == ["first"]


@pytest.mark.parametrize("text", ['timestamp>="2026"', "timestamp>=now", 'resource.labels.job_id>="x"', "severity>=LOUD", "foo=1"])
def test_a_filter_that_the_emulator_does_not_understand_is_refused(ask: Asker, text: str) -> None:
    with pytest.raises(RefusedError, match="Unparseable filter") as refused:
        found(ask, text)
    assert refused.value.status == 400
