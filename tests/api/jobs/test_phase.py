"""Tests of the state tables."""

from __future__ import annotations

import pytest

from airflow_dataflow_ext.api.dataflow.states import DATAFLOW, TERMINAL, DataflowJobStatus
from airflow_dataflow_ext.api.jobs.phase import Phase, phase_of
from airflow_dataflow_ext.api.wave.states import WAVE
from tests import discovery


def test_every_state_that_google_documents_has_a_row() -> None:
    documented = discovery.document()["schemas"]["Job"]["properties"]["currentState"]["enum"]
    assert list(DATAFLOW) == documented


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        ("JOB_STATE_DONE", Phase.SUCCEEDED),
        ("JOB_STATE_DRAINED", Phase.SUCCEEDED),
        ("JOB_STATE_UPDATED", Phase.SUCCEEDED),
        ("JOB_STATE_FAILED", Phase.FAILED),
        ("JOB_STATE_CANCELLED", Phase.FAILED),
    ],
)
def test_five_states_are_an_end(state: str, phase: Phase) -> None:
    assert phase_of(state, DATAFLOW) is phase
    assert len(TERMINAL) == 5


@pytest.mark.parametrize("state", ["JOB_STATE_MELTING", "", None, *sorted(set(DATAFLOW) - TERMINAL)])
def test_every_other_state_moves_also_one_that_no_row_lists(state: str | None) -> None:
    assert phase_of(state, DATAFLOW) is Phase.MOVING


def test_a_wave_dataflow_that_ended_with_warnings_has_succeeded() -> None:
    assert [state for state, row in WAVE.items() if row.phase is Phase.SUCCEEDED] == ["success", "warning"]
    assert phase_of("failure", WAVE) is phase_of("cancelled", WAVE) is Phase.FAILED


def test_a_misspelt_state_names_the_states_that_there_are() -> None:
    with pytest.raises(AttributeError, match="JOB_STATE_DOEN is not a job state; the states are JOB_STATE_UNKNOWN, "):
        _ = DataflowJobStatus.JOB_STATE_DOEN
