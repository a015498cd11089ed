"""A script for a job with two stages on the emulator."""

from __future__ import annotations

from typing import Any

DESCRIPTION = {
    "pipelineDescription": {
        "originalPipelineTransform": [
            {"id": "s1", "name": "Read/Impulse", "kind": "READ_KIND", "outputCollectionName": ["Read/Impulse-out0"]},
            {"id": "s2", "name": "Read/Split", "inputCollectionName": ["Read/Impulse-out0"], "outputCollectionName": ["Read/Split-out0"]},
            {"id": "s3", "name": "Write", "kind": "WRITE_KIND", "inputCollectionName": ["Read/Split-out0"]},
        ],
        "executionPipelineStage": [
            {"id": "F1", "name": "F1", "componentTransform": [{"userName": "Read/Impulse"}, {"userName": "Read/Split"}]},
            {"id": "F2", "name": "F2", "componentTransform": [{"userName": "Write"}], "prerequisiteStage": ["F1"]},
        ],
    }
}
COUNTED = {"origin": "dataflow/v1b3", "name": "ElementCount", "context": {"output_user_name": "Read/Split-out0"}}
SPENT = {"origin": "dataflow/v1b3", "name": "ExecutionTime_ProcessElement", "context": {"step": "s2"}}
RUNNING: list[Any] = [
    (0, "JOB_STATE_RUNNING"),
    (0, {"describe": DESCRIPTION}),
    (0, {"message": "Starting 1 workers in us-central1-a..."}),
    (0, {"message": "Adding workflow start and stop steps.", "importance": "JOB_MESSAGE_DEBUG"}),
    (0, {"autoscaling": "Worker pool started.", "current": 1, "target": 3}),
    (0, {"stages": [{"stageId": "F1", "state": "EXECUTION_STATE_RUNNING", "progress": {"currentProgress": 0.4}}]}),
    (0, {"metrics": [{"name": COUNTED, "scalar": 1000}, {"name": SPENT, "scalar": 250}]}),
]
