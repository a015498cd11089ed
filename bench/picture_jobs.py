"""Scripts for the emulator's jobs in the pictures: a pipeline with three stages, its metrics, messages and number of workers."""

from __future__ import annotations

from typing import Any

from airflow_dataflow_ext.emulator.engines.timeline import service_metric

LONG = 3600
CHAIN = (
    ("Read/List files", "READ_KIND", "F14", 2),
    ("Read/Read lines", "PAR_DO_KIND", "F14", 18),
    ("Words", "PAR_DO_KIND", "F14", 31),
    ("Count/Pair", "PAR_DO_KIND", "F14", 6),
    ("Count/Group", "SHUFFLE_KIND", "F15", 14),
    ("Count/Sum", "PAR_DO_KIND", "F15", 9),
    ("Format", "PAR_DO_KIND", "F16", 3),
    ("Write/Shards", "WRITE_KIND", "F16", 5),
)
"""Transforms, each of which reads the output of the one before it: name, kind, stage, seconds of wall time."""
BRANCH = ("Longest words", "PAR_DO_KIND", "F15", 4)
"""Another transform that reads the words."""
STAGES = ("F14", "F15", "F16")
COUNTS = (12, 184_000, 1_460_000, 1_460_000, 38_200, 38_200, 38_200, 24)
"""The numbers of elements that the transforms of the chain write."""
BASIC, DETAILED, DEBUG, WARNING, ERROR = (f"JOB_MESSAGE_{level}" for level in ("BASIC", "DETAILED", "DEBUG", "WARNING", "ERROR"))


def description() -> dict[str, Any]:
    """The pipeline."""
    rows = [_transform(at, name, kind, CHAIN[at - 1][0] if at else "") for at, (name, kind, *_) in enumerate(CHAIN)]
    rows.append(_transform(len(CHAIN), BRANCH[0], BRANCH[1], "Words"))
    stages = [
        {
            "id": stage,
            "name": stage,
            "componentTransform": [{"userName": name} for name, _, of, _ in (*CHAIN, BRANCH) if of == stage],
            "prerequisiteStage": [STAGES[at - 1]] if at else [],
        }
        for at, stage in enumerate(STAGES)
    ]
    described = {"originalPipelineTransform": rows, "executionPipelineStage": stages}
    sdk = {"version": "2.77.0", "versionDisplayName": "Apache Beam SDK for Python", "sdkSupportStatus": "SUPPORTED"}
    return {"describe": {"pipelineDescription": described, "jobMetadata": {"sdkVersion": sdk}}}


def _transform(at: int, name: str, kind: str, source: str) -> dict[str, Any]:
    inputs = {"inputCollectionName": [f"{source}.out0"]} if source else {}
    return {"id": f"s{at + 1}", "name": name, "kind": kind, "outputCollectionName": [f"{name}.out0"], **inputs}


def metrics(shares: tuple[float, float, float], hours: float) -> dict[str, Any]:
    """All metrics at one moment.

    :param shares: the share of its work that each stage has done, from 0 to 1.
    :param hours: vCPU hours so far.
    """
    found = [
        service_metric("TotalVcpuTime", "Service-cpu_num_seconds", hours * 3600),
        service_metric("TotalMemoryUsage", "Service-mem_mb_seconds", hours * 3600 * 3840),
        service_metric("BillableShuffleDataProcessed", "Service-billable_shuffle", round(hours * 1.5, 3)),
        {
            "name": {"origin": "user", "name": "empty_lines", "context": {"step": "s3", "namespace": "wordcount"}},
            "scalar": int(9_300 * shares[0]),
        },
    ]
    for at, ((name, _, stage, spent), count) in enumerate(zip(CHAIN, COUNTS, strict=True)):
        done = shares[STAGES.index(stage)]
        if done:
            found.append(service_metric("ElementCount", f"{name}.out0-ElementCount", int(count * done), output_user_name=f"{name}.out0"))
            found.append(service_metric("ExecutionTime_ProcessElement", f"{name}-time", int(spent * done * 1000), step=f"s{at + 1}"))
    return {"metrics": found}


def stages(*states: str) -> dict[str, Any]:
    """The stages that have started, with their states and progress."""
    progress = {"RUNNING": 0.6, "SUCCEEDED": 1.0, "FAILED": 0.3}
    return {
        "stages": [
            {"stageId": stage, "state": f"EXECUTION_STATE_{state}", "progress": {"currentProgress": progress[state]}}
            for stage, state in zip(STAGES, states, strict=False)
        ]
    }


def say(text: str, level: str = BASIC) -> dict[str, Any]:
    """A message of the job."""
    return {"message": text, "importance": level}


def pool(reason: str, current: int, target: int) -> dict[str, Any]:
    """A change of the worker pool."""
    return {"autoscaling": reason, "current": current, "target": target}


BEGINNING: list[Any] = [
    [0, say("Autoscaling is enabled for the job. The number of workers will be between 1 and 10.", DETAILED)],
    [0, say("Worker configuration: e2-standard-2 in us-central1-a.")],
    [0, description()],
    [1, say("Fusing consumer Words into Read/Read lines", DETAILED)],
    [1, say("Fusing consumer Count/Pair into Words", DETAILED)],
    [2, say("Adding workflow start and stop steps.", DEBUG)],
    [3, say("Starting 1 workers in us-central1-a...")],
    [3, "JOB_STATE_RUNNING"],
    [3, pool("Worker pool started.", 0, 1)],
]
MORE = "Raised the number of workers to {} based on the rate of progress in the currently running stage(s)."


def _growth(since: int, second: int, until: int) -> list[Any]:
    """Metrics every few seconds, of a job whose first stage runs between two points in time."""
    moments = range(since, until, 5)
    return [
        [at, metrics((min((at - since) / (second - since), 1), min(max(at - second, 0) / 60, 0.9), 0), (at - since) / 90)] for at in moments
    ]


def running() -> list[Any]:
    """A job that stays in its second stage."""
    heard: list[Any] = [
        [9, pool("Workers have started successfully.", 1, 1)],
        [9, say("Workers have started successfully.")],
        [9, stages("RUNNING")],
        [10, say("Executing operation Read/List files+Read/Read lines+Words+Count/Pair")],
        [18, pool(MORE.format(4), 1, 4)],
        [18, say(MORE.format(4))],
        [24, pool("", 4, 4)],
        [30, pool(MORE.format(8), 4, 8)],
        [30, say(MORE.format(8))],
        [34, say("A hot key was detected in step 'Count/Group': 'the' has 9 % of the elements.", WARNING)],
        [38, pool("", 8, 8)],
        [45, say("Finished operation Read/List files+Read/Read lines+Words+Count/Pair")],
        [45, stages("SUCCEEDED", "RUNNING")],
        [46, say("Executing operation Count/Group+Count/Sum+Longest words")],
        [52, say("Work item 7 failed and is tried again: ConnectionResetError: [Errno 104] Connection reset by peer", WARNING)],
        [58, pool("Reduced the number of workers to 5 based on the remaining work.", 8, 5)],
        [58, say("Reduced the number of workers to 5 based on the remaining work.")],
        [63, pool("", 5, 5)],
    ]
    return sorted([*BEGINNING, *heard, *_growth(10, 45, 600), [LONG, "JOB_STATE_DONE"]], key=lambda step: step[0])


def done(seconds: int, hours: float) -> list[Any]:
    """A job that succeeds."""
    return [
        *BEGINNING,
        [4, pool("Workers have started successfully.", 1, 1)],
        [4, stages("RUNNING")],
        [seconds - 1, stages("SUCCEEDED", "SUCCEEDED", "SUCCEEDED")],
        [seconds - 1, metrics((1, 1, 1), hours)],
        [seconds, say("Stopping worker pool...")],
        [seconds, pool("Worker pool stopped.", 0, 0)],
        [seconds, "JOB_STATE_DONE"],
    ]


TRACE = """Traceback (most recent call last):
  File "apache_beam/runners/common.py", line 1501, in apache_beam.runners.common.DoFnRunner.process
  File "books/prices.py", line 41, in process
    return float(line.rsplit(";", 1)[1])
ValueError: could not convert string to float: 'sold out' [while running 'Words']
"""


def failing() -> list[Any]:
    """A job that fails in its first stage."""
    return [
        *BEGINNING,
        [6, pool("Workers have started successfully.", 1, 1)],
        [6, stages("RUNNING")],
        [9, say(TRACE, ERROR)],
        [12, say(TRACE, ERROR)],
        [14, stages("FAILED")],
        [14, say("Workflow failed. Causes: The job failed because a work item has failed 4 times.", ERROR)],
        [15, pool("Worker pool stopped.", 0, 0)],
        [15, "JOB_STATE_FAILED"],
    ]


def streaming() -> list[Any]:
    """A streaming job that keeps running."""
    return [
        *BEGINNING,
        [5, pool("Workers have started successfully.", 2, 2)],
        [5, stages("RUNNING", "RUNNING", "RUNNING")],
        [6, metrics((0.7, 0.7, 0.7), 0.4)],
        [LONG, "JOB_STATE_DONE"],
    ]
