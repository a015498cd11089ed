"""Google's own templates: which of its paths hold which kind, and the files of those that the emulator plays, under ``provided_files/``.

Source: https://cloud.google.com/dataflow/docs/guides/templates/provided-templates
"""

from __future__ import annotations

import re
from importlib import resources

_PATH = re.compile(r"gs://dataflow-templates(-[a-z0-9-]+)?/(latest|\d{4}-\d\d-\d\d[^/]*)/(?P<flex>flex/)?(?P<name>\w+)", re.ASCII)

_OPTIONS = (
    "autoscalingAlgorithm dataflowServiceOptions diskSizeGb dumpHeapOnOOM enableStreamingEngine experiments labels machineType",
    "maxNumWorkers network noUsePublicIps numWorkers numberOfWorkerHarnessThreads region saveHeapDumpsToGcsPath sdkContainerImage",
    "serviceAccount serviceAccountEmail stagingLocation streaming subnetwork tempLocation usePublicIps workerDiskType",
    "workerMachineType workerRegion workerZone zone",
)
OPTIONS = frozenset(name for line in _OPTIONS for name in line.split())
"""Pipeline options that a Flex launch takes beside the template's parameters, in either spelling; which ones is not fully documented.

https://cloud.google.com/dataflow/docs/reference/pipeline-options
"""


def published(path: str) -> bytes | None:
    """The file at a path of Google's, where the emulator plays it: a container spec, or ``_metadata`` of a classic template."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    file = resources.files(f"{__package__}.provided_files") / f"{'flex_' if match['flex'] else ''}{match['name']}.json"
    return file.read_bytes() if file.is_file() else None


def is_flex(path: str) -> bool:
    """Whether the path is one of Google's for a Flex template."""
    match = _PATH.fullmatch(path)
    return match is not None and match["flex"] is not None


def is_classic(path: str) -> bool:
    """Whether the path is one of Google's for a classic template."""
    match = _PATH.fullmatch(path)
    return match is not None and match["flex"] is None
