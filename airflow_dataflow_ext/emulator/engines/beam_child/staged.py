"""Runs a pipeline that a Beam client has staged: reads it from Cloud Storage and runs it in this process."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.internal import pickler
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions
from apache_beam.options.value_provider import RuntimeValueProvider
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2 as protos
from apache_beam.runners.internal import names
from apache_beam.transforms import environments

from . import packages
from .runner import Runner
from .wire import Wire

_SDK = re.compile(r"beam:version:sdk_base:[^/]*/?beam_(?P<language>[a-z]+)(?P<version>[\d.]*)_sdk:(?P<beam>[^-:]+)")


class UnsupportedError(Exception):
    """The emulator cannot run this pipeline; the message says why and what to do."""


def run(url: str, given: Mapping[str, Any], digest: str, home: Path, wire: Wire) -> None:
    """Run the pipeline to its end with the options that it was submitted with, as a worker of the service does.

    :param url: ``gs://`` path of the staged pipeline, a protocol buffer.
    :param given: the options; JSON may have turned integers into floats.
    :param digest: SHA-256 of the pipeline, if its client has sent one.
    :param home: a directory that this run may fill.
    :raises UnsupportedError: it needs what the emulator does not have, or differs from its digest.
    """
    options = _options(given)
    pipeline = _read(url, digest)
    _check(pipeline, wire)
    staged = home / "staged"
    _fetch(pipeline, staged)
    packages.install(staged, home / "environment", wire)
    if (session := staged / names.PICKLED_MAIN_SESSION_FILE).exists():
        pickler.load_session(str(session))
    _embed(pipeline)
    Runner().run_via_runner_api(pipeline, options)


def _options(given: Mapping[str, Any]) -> PipelineOptions:
    known = {name: _whole(value) for name, value in given.items() if value is not None}
    RuntimeValueProvider.set_runtime_options(known)
    options = PipelineOptions.from_dictionary(known)
    FileSystems.set_options(options)
    pickler.set_library(options.view_as(SetupOptions).pickle_library)
    return options


def _whole(value: Any) -> Any:
    """The value, as an integer again if JSON has turned it into a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read(url: str, digest: str) -> Any:
    with FileSystems.open(url) as file:
        content = file.read()
    if digest and hashlib.sha256(content).hexdigest() != digest:
        raise UnsupportedError(f"The staged pipeline {url} is not the one that was submitted: its SHA-256 differs from pipelineProtoHash.")
    return protos.Pipeline.FromString(content)


def _check(pipeline: Any, wire: Wire) -> None:
    """
    :raises UnsupportedError: a step is not written in Python, or is of another Python version.
    """
    for transform in pipeline.components.transforms.values():
        environment = pipeline.components.environments.get(transform.environment_id) if transform.environment_id else None
        sdk = _sdk(environment.capabilities) if environment else None
        if sdk is None:
            continue
        if sdk["language"] != "python":
            language = sdk["language"].rstrip("0123456789").capitalize()
            raise UnsupportedError(
                f"The step {transform.unique_name} runs in the Beam SDK for {language}, but the emulator runs only Python. "
                "Use a transform that is written in Python, or set a script for the job."
            )
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        if sdk["version"] != here:
            raise UnsupportedError(
                f"The pipeline was submitted with Python {sdk['version']}, but the emulator runs pipelines with Python {here}, which "
                f"cannot load its functions. Map the job's image to a Python {sdk['version']} in the file of --images."
            )
    submitted = {sdk["beam"] for part in pipeline.components.environments.values() if (sdk := _sdk(part.capabilities))}
    for version in submitted - {beam.__version__}:
        text = f"The pipeline was submitted with Apache Beam {version} and runs with Apache Beam {beam.__version__}."
        wire.send("message", [text, "JOB_MESSAGE_WARNING"])


def _sdk(capabilities: Iterable[str]) -> Mapping[str, str] | None:
    """The language, its version, and Beam's version of an environment, if its capabilities contain them."""
    found = next((match for entry in capabilities if (match := _SDK.match(entry))), None)
    return found.groupdict() if found else None


def _fetch(pipeline: Any, staged: Path) -> None:
    """Copy the files that the client has staged for the workers."""
    staged.mkdir(parents=True)
    for name, source in _artifacts(pipeline.components.environments.values()):
        with FileSystems.open(source, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            (staged / name).write_bytes(file.read())


def _artifacts(parts: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """The name on the worker and the path of each staged file."""
    for artifact in (artifact for part in parts for artifact in part.dependencies):
        url = artifact.type_urn == common_urns.artifact_types.URL.urn
        payload = (protos.ArtifactUrlPayload if url else protos.ArtifactFilePayload).FromString(artifact.type_payload)
        source = payload.url if url else payload.path
        role = protos.ArtifactStagingToRolePayload.FromString(artifact.role_payload)
        staging = artifact.role_urn == common_urns.artifact_roles.STAGING_TO.urn
        yield Path(role.staged_name if staging else source).name, source


def _embed(pipeline: Any) -> None:
    """Make every step run in this process, whatever container it names."""
    here = environments.EmbeddedPythonEnvironment.default().to_runner_api(None)
    for part in pipeline.components.environments.values():
        part.CopyFrom(here)
