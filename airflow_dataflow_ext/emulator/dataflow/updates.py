"""jobs.update: cancel, drain, finish, scale, archive.

Sources: https://cloud.google.com/dataflow/docs/guides/stopping-a-pipeline , .../updating-a-pipeline , .../archive-jobs
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_dataflow_ext.api.dataflow.methods import Job
from airflow_dataflow_ext.api.dataflow.states import CANCELLED, CANCELLING, DATAFLOW, DONE, DRAINED, DRAINING, RUNNING, STOPPED, STREAMING
from airflow_dataflow_ext.emulator.dataflow.jobs import JobRecord, Json
from airflow_dataflow_ext.emulator.dataflow.lifecycle import cancel, drain, move
from airflow_dataflow_ext.emulator.dataflow.schema import document
from airflow_dataflow_ext.emulator.dataflow.values import read_mask
from airflow_dataflow_ext.emulator.dataflow.world import Call, World, answers
from airflow_dataflow_ext.emulator.http.errors import invalid, not_now, short

FORCE_AFTER = 30 * 60.0
"""Seconds of CANCELLING before a job may be cancelled by force."""
_PARAMETERS = "runtimeUpdatableParams"
_PROPERTIES = "jobMetadata.userDisplayProperties"
_TIERS = ("low-latency", "medium-latency", "high-latency")


@answers(Job.update)
def update(world: World, call: Call) -> Json:
    record = call.job(world)
    mask = read_mask(call.query.get("updateMask", ""))
    asked = call.body.get("requestedState")
    if mask and asked:
        raise invalid("updateMask and requestedState cannot be given together")
    if mask:
        _set_fields(record, call.body, mask)
    elif asked:
        _set_state(world, record, asked, force=call.body.get("labels", {}).get("force_cancel_job") == "true")
        record.change(requestedState=asked)
    else:
        raise invalid("Nothing to update: neither requestedState nor updateMask was given")
    requested = {"requestedState": asked} if asked else {}
    return {**record.view("JOB_VIEW_DESCRIPTION"), **requested}


def _set_state(world: World, record: JobRecord, asked: str, *, force: bool) -> None:
    if record.is_terminal:
        raise not_now(f"Job {record.id} cannot be changed to {asked}: Job has terminated in state {record.state}")
    if asked == CANCELLED and force:
        _force(world, record)
    elif asked == CANCELLED:
        cancel(world, record)
    elif asked in (DRAINED, DRAINING):
        _drain(world, record)
    elif asked == DONE:
        _need(record, asked, RUNNING)
        move(world, record, DONE)
        world.engine.stop(record.id, drain=True)
    elif asked == RUNNING:
        _need(record, asked, STOPPED)
        move(world, record, RUNNING)
    else:
        raise invalid(f"requestedState {asked} is not supported")


def _force(world: World, record: JobRecord) -> None:
    since = record.cancelling_since
    if record.state != CANCELLING or since is None or world.clock.now() - since < FORCE_AFTER:
        raise not_now(f"Job {record.id} can be cancelled by force only after it has been cancelling for 30 minutes; it is {record.state}")
    move(world, record, CANCELLED)
    world.engine.stop(record.id, drain=False)


def _drain(world: World, record: JobRecord) -> None:
    if record.type and record.type != STREAMING:
        raise invalid(f"Job {record.id} cannot be drained: it is {record.type}, and only streaming jobs can be drained")
    _need(record, DRAINED, *(state for state, row in DATAFLOW.items() if row.drainable))
    drain(world, record)


def _need(record: JobRecord, asked: str, *states: str) -> None:
    if record.state not in states:
        raise not_now(f"Job {record.id} is in {record.state}; {asked} can be requested only in {' or '.join(states)}")


def _set_fields(record: JobRecord, body: Json, mask: Sequence[str]) -> None:
    """Set the fields that the mask names: all of them or, on an error, none."""
    parameters: Json = dict(record.fields.get(_PARAMETERS, {}))
    metadata: Json = dict(record.fields.get("jobMetadata", {}))
    properties: Json = dict(metadata.get("userDisplayProperties", {}))
    for path in mask:
        group, _, name = path.rpartition(".")
        if group == _PARAMETERS and name in document()["schemas"]["RuntimeUpdatableParams"]["properties"]:
            _copy(parameters, body.get(_PARAMETERS, {}), name)
            _check_scaling(record, parameters)
        elif group == _PROPERTIES:
            if name == "archived" and not record.is_terminal:
                raise not_now(f"Job {record.id} is in {record.state}; only a job that has ended can be archived")
            _copy(properties, body.get("jobMetadata", {}).get("userDisplayProperties", {}), name)
        else:
            raise invalid(f"updateMask names {path!r}; only fields of {_PARAMETERS} and {_PROPERTIES} can be updated")
    changed = {_PARAMETERS: parameters} if parameters else {}
    record.change(**changed, jobMetadata={**metadata, "userDisplayProperties": properties})


def _copy(target: Json, source: Json, name: str) -> None:
    """Clear the fields that the mask names but the body does not contain."""
    if name in source:
        target[name] = source[name]
    else:
        target.pop(name, None)


def _check_scaling(record: JobRecord, parameters: dict[str, Any]) -> None:
    if record.state != RUNNING or record.type != STREAMING:
        raise not_now(f"Job {record.id} is {record.type or 'untyped'} in {record.state}; only a running streaming job can be changed")
    low, high = parameters.get("minNumWorkers", 1), parameters.get("maxNumWorkers", 1000)
    if not 1 <= low <= high <= 1000:
        raise invalid(f"minNumWorkers and maxNumWorkers must be between 1 and 1000, in ascending order; they are {low} and {high}")
    if parameters.get("latencyTier", _TIERS[0]) not in _TIERS:
        raise invalid(f"latencyTier must be one of {', '.join(_TIERS)}; it is {short(parameters['latencyTier'])}")
    if not 0.1 <= parameters.get("workerUtilizationHint", 0.5) <= 0.9:
        raise invalid(f"workerUtilizationHint must be between 0.1 and 0.9; it is {parameters['workerUtilizationHint']}")
