"""What a job runs on this machine: a program with its arguments, or a pipeline that its client has staged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from airflow_dataflow_ext.emulator.engines.contract import RefusedError, Work
from airflow_dataflow_ext.emulator.engines.images import Image

Json = Mapping[str, Any]
_YAML = "apache_beam.yaml.main"
_OTHER_LANGUAGES = ("JAVA", "GO")
"""Values of ``SDKInfo.language`` that this engine cannot run: https://cloud.google.com/dataflow/docs/reference/rest/v1b3/projects.locations.templates/get"""


@dataclass(frozen=True, slots=True)
class Program:
    """A Python program and its arguments, or a staged pipeline and its options.

    :param target: the absolute path of a file, or the name of a module; None if there is no program.
    :param pipeline: the ``gs://`` path of a staged pipeline; ``options`` and ``digest`` (SHA-256) belong to it.
    :param python: the Python that runs it; None for the engine's own.
    :param why: why there is neither a program nor a pipeline.
    """

    target: str | None = None
    arguments: tuple[str, ...] = ()
    pipeline: str | None = None
    options: Json = field(default_factory=dict)
    digest: str = ""
    python: str | None = None
    why: str = ""

    def request(self, home: str) -> Json:
        """The request to the process that runs it; the process may fill the directory ``home``."""
        if self.pipeline:
            return {"pipeline": self.pipeline, "options": self.options, "digest": self.digest, "home": home}
        return {"target": self.target, "arguments": self.arguments}


def program_of(work: Work, images: Mapping[str, Image]) -> Program:
    """The program for the job's template or graph.

    An unknown Flex image, or a pipeline in another language, is not an error here: the service, too, finds out after the job is created.

    :raises RefusedError: a Flex template names no image, or a classic template has neither a graph nor a program.
    """
    if work.kind == "flex":
        return _flex(work, images)
    mapped = images.get(work.template or "", Image())
    if mapped.program:
        return Program(mapped.program, _arguments(work), python=mapped.python)
    if work.kind == "create" or work.spec.get("environment"):
        return _staged(work, images)
    if _last(work.template or "") == "word-count":
        return Program("apache_beam.examples.wordcount", _arguments(work, {"inputFile": "input"}), python=mapped.python)
    raise RefusedError(
        f"The emulator has no program for the classic template {work.template}. It runs Flex templates, Yaml_Template, the classic "
        "Word_Count, templates that Beam's Python SDK has staged, and templates that the file of --images maps to a pipeline file.",
        status=501,
        code="UNIMPLEMENTED",
    )


def _flex(work: Work, images: Mapping[str, Image]) -> Program:
    image, template = str(work.spec.get("image", "")), work.template or ""
    mapped = images.get(image) or images.get(template) or Image()
    if mapped.program:
        return Program(mapped.program, _arguments(work), python=mapped.python)
    if "yaml-template" in (_last(image), _last(template)):
        return Program(_YAML, _arguments(work), python=mapped.python)
    if not image:
        raise RefusedError(f"Unable to open the template file {template}: there is no such object.", status=404, code="NOT_FOUND")
    language = str(work.spec.get("sdkInfo", {}).get("language", ""))
    if language in _OTHER_LANGUAGES:
        return Program(why=_foreign(f"The image {image} holds a pipeline of the {language.capitalize()} SDK"))
    return Program(why=_unmapped(image))


def _staged(work: Work, images: Mapping[str, Image]) -> Program:
    """The pipeline that a Beam SDK has put into a job or a classic template: https://beam.apache.org/documentation/runners/dataflow/"""
    environment: Json = work.spec.get("environment", {})
    sdk = str(environment.get("userAgent", {}).get("name", ""))
    if sdk and "Python" not in sdk:
        return Program(why=_foreign(f"The job was submitted by {sdk}"))
    options: dict[str, Any] = dict(environment.get("sdkPipelineOptions", {}).get("options", {}))
    pipeline, digest = options.pop("pipelineUrl", None), options.pop("pipelineProtoHash", "")
    if not pipeline:
        return Program(why=_NO_PIPELINE)
    pools = environment.get("workerPools") or [{}]
    mapped = images.get(pools[0].get("workerHarnessContainerImage", ""), Image())
    options |= {**work.parameters, "job_name": work.job_name}
    if temp := work.environment.get("tempLocation"):
        options["temp_location"] = temp
    return Program(pipeline=pipeline, options=options, digest=digest, python=mapped.python)


def _last(path: str) -> str:
    """The last part of an image or a path, without tag and digest, in lower case and with hyphens."""
    return path.rpartition("/")[2].partition(":")[0].partition("@")[0].lower().replace("_", "-")


_NO_PIPELINE = (
    "The job has no staged pipeline (pipelineUrl in environment.sdkPipelineOptions.options), and the emulator cannot run a bare job graph. "
    "Submit it with a Beam SDK, or set a script for its name."
)


def _foreign(what: str) -> str:
    return (
        f"{what}, but the emulator runs only pipelines of the Python SDK. Run it with the SDK's own "
        "DirectRunner or with Beam's Prism runner, or set a script for the job's name."
    )


def _unmapped(image: str) -> str:
    return (
        f"No pipeline file is known for the image {image}. Map it: write a JSON file "
        f'{{"{image}": "path/to/pipeline.py"}} and start the emulator with --images FILE.'
    )


def _arguments(work: Work, names: Mapping[str, str] = MappingProxyType({})) -> tuple[str, ...]:
    """The arguments that the service's launcher would pass to the program, except the runner."""
    environment = work.environment
    options = [f"--{names.get(name, name)}={value}" for name, value in work.parameters.items()]
    options += [f"--project={work.project_id}", f"--region={work.location}", f"--job_name={work.job_name}"]
    for key, option in (("tempLocation", "temp_location"), ("stagingLocation", "staging_location")):
        if environment.get(key):
            options.append(f"--{option}={environment[key]}")
    options += [f"--experiments={name}" for name in environment.get("additionalExperiments", ())]
    options += [f"--{option.lstrip('-')}" for option in environment.get("additionalPipelineOptions", ())]
    return tuple(options)
