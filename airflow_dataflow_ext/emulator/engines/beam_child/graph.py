"""A pipeline and its stages in the service's terms: steps, outputs, PipelineDescription, StageSummary."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from apache_beam.portability.api import beam_runner_api_pb2


class Graph:
    """The pipeline as its author wrote it, in the service's terms: its steps, by their ids in the pipeline, and their outputs."""

    def __init__(self, pipeline: Any) -> None:
        self._parts = pipeline.components
        leaves = {name: leaf for root in pipeline.root_transform_ids for name, leaf in self._walk(root)}
        self.leaves = list(leaves.values())
        self.steps = {leaf.unique_name: name for name, leaf in leaves.items()}
        self.outputs = {
            collection: f"{leaf.unique_name}-out{number}"
            for leaf in self.leaves
            for number, (_, collection) in enumerate(sorted(leaf.outputs.items()))
        }

    def is_unbounded(self) -> bool:
        return any(part.is_bounded == beam_runner_api_pb2.IsBounded.UNBOUNDED for part in self._parts.pcollections.values())

    def step_of(self, transform: str) -> str:
        """The id of the step that a transform of the optimised pipeline comes from, or the transform's own id if there is none."""
        name = self._parts.transforms[transform].unique_name if transform in self._parts.transforms else transform
        while name not in self.steps and "/" in name:
            name = name.rpartition("/")[0]
        return self.steps.get(name, transform)

    def describe(self, stages: list[StageRun]) -> dict[str, Any]:
        """The pipeline and its stages as a PipelineDescription."""
        return {
            "originalPipelineTransform": [
                {
                    "id": self.steps[leaf.unique_name],
                    "name": leaf.unique_name,
                    "inputCollectionName": [self.outputs[name] for name in leaf.inputs.values() if name in self.outputs],
                    "outputCollectionName": [self.outputs[name] for name in leaf.outputs.values()],
                }
                for leaf in self.leaves
            ],
            "executionPipelineStage": [
                {"id": stage.id, "name": stage.id, "componentTransform": [{"userName": name, "name": name} for name in stage.transforms]}
                for stage in stages
            ],
        }

    def _walk(self, transform_id: str) -> Iterable[tuple[str, Any]]:
        transform = self._parts.transforms[transform_id]
        for child in transform.subtransforms:
            yield from self._walk(child)
        # An empty transform, whose outputs are its inputs, is not a step.
        outputs = set(transform.outputs.values())
        if not transform.subtransforms and not (outputs and outputs <= set(transform.inputs.values())):
            yield transform_id, transform


class StageRun:
    """One fused stage of the run, with its StageSummary."""

    def __init__(self, number: int, stage: Any) -> None:
        self.id = f"F{number}"
        names = [transform.unique_name for transform in stage.transforms]
        self.transforms = [name for name in names if not name.startswith("ref_PCollection")]
        self.operation = "+".join(self.transforms) or self.id
        self.summary: dict[str, Any] = {"stageId": self.id, "state": "EXECUTION_STATE_NOT_STARTED"}

    @property
    def running(self) -> bool:
        return bool(self.summary["state"] == "EXECUTION_STATE_RUNNING")

    def begin(self) -> None:
        self.summary.update(state="EXECUTION_STATE_RUNNING", startTime=_now())

    def finish(self, state: str) -> None:
        self.summary.update(state=f"EXECUTION_STATE_{state}", endTime=_now())
        if state == "SUCCEEDED":
            self.summary["progress"] = {"currentProgress": 1.0}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
