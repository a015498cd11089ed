"""Google's own templates: which type each path has, and the files of those that the emulator runs, in ``provided_files/``.

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
"""Pipeline options that a Flex launch accepts as parameters, in either spelling; which ones is not fully documented.

https://cloud.google.com/dataflow/docs/reference/pipeline-options
"""


def published(path: str) -> bytes | None:
    """The file at one of Google's paths, if the emulator has it: a container spec, or the ``_metadata`` of a classic template."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    file = resources.files(f"{__package__}.provided_files") / f"{'flex_' if match['flex'] else ''}{match['name']}.json"
    return file.read_bytes() if file.is_file() else None


def is_flex(path: str) -> bool:
    """Whether the path is that of one of Google's Flex templates."""
    match = _PATH.fullmatch(path)
    return match is not None and match["flex"] is not None


def is_classic(path: str) -> bool:
    """Whether the path is that of one of Google's classic templates."""
    match = _PATH.fullmatch(path)
    return match is not None and match["flex"] is None
