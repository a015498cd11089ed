"""Which program a template means on this machine, and the command line that it gets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from airflow_dataflow_ext.emulator.engines.contract import RefusedError, Work


class ImagesError(ValueError):
    """The file that maps images to pipelines is no such file."""


def read_images(path: str | Path) -> dict[str, str]:
    """Read a JSON file ``{image or template path: pipeline file}``.

    A pipeline file that is relative is relative to the mapping file. The result holds absolute paths.

    :raises ImagesError: it cannot be read, is no such mapping, or names a file that is not there.
    """
    path = Path(path)
    try:
        mapping = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ImagesError(f"Cannot read the image mapping {path}: {error}") from error
    if not isinstance(mapping, dict) or not all(isinstance(file, str) for file in mapping.values()):
        raise ImagesError(f'{path} must hold one JSON object {{"image": "pipeline.py"}}.')
    images = {image: str((path.parent / file).resolve()) for image, file in mapping.items()}
    for image, file in images.items():
        if not Path(file).is_file():
            raise ImagesError(f"{path} maps {image} to {file}, which is not a file.")
    return images


@dataclass(frozen=True, slots=True)
class Program:
    """A Python program and its arguments.

    :param target: a file's absolute path, or a module's name; None where no program is known.
    :param why: why none is known.
    """

    target: str | None
    arguments: tuple[str, ...] = ()
    why: str = ""


def program_of(work: Work, images: Mapping[str, str]) -> Program:
    """The program that does what the job's template does.

    An unknown Flex image is no error here: the service finds out in the launcher too, when the job exists.

    :raises RefusedError: a Flex template has no container spec, a classic one has no program, or it is a job graph.
    """
    image, template = str(work.spec.get("image", "")), work.template or ""
    key = image if work.kind == "flex" else template
    if key in images:
        return Program(images[key], _arguments(work))
    if work.kind == "flex" and "yaml-template" in (_last(image), _last(template)):
        return Program("apache_beam.yaml.main", _arguments(work))
    if work.kind == "flex" and not image:
        raise RefusedError(f"Unable to open the template file {template}: there is no such object.", status=404, code="NOT_FOUND")
    if work.kind == "flex":
        return Program(None, why=_unmapped(image))
    if work.kind == "classic" and _last(template) == "word-count":
        return Program("apache_beam.examples.wordcount", _arguments(work, {"inputFile": "input"}))
    what = f"the classic template {template}" if work.kind == "classic" else "a job graph"
    raise RefusedError(
        f"This emulator has no program for {what}. It runs Flex templates, Yaml_Template, the classic Word_Count, "
        "and what its image mapping (--images) gives a pipeline file for.",
        status=501,
        code="UNIMPLEMENTED",
    )


def _last(path: str) -> str:
    """The last part of an image or a path, without its tag, in one spelling."""
    return path.rpartition("/")[2].partition(":")[0].partition("@")[0].lower().replace("_", "-")


def _unmapped(image: str) -> str:
    return (
        f"No pipeline file is known for the image {image}. Map it: write a JSON file "
        f'{{"{image}": "path/to/pipeline.py"}} and start the emulator with --images FILE.'
    )


def _arguments(work: Work, names: Mapping[str, str] = MappingProxyType({})) -> tuple[str, ...]:
    """The command line that the service's launcher would give the program, without its runner."""
    environment = work.environment
    options = [f"--{names.get(name, name)}={value}" for name, value in work.parameters.items()]
    options += [f"--project={work.project_id}", f"--region={work.location}", f"--job_name={work.job_name}"]
    for field, option in (("tempLocation", "temp_location"), ("stagingLocation", "staging_location")):
        if environment.get(field):
            options.append(f"--{option}={environment[field]}")
    options += [f"--experiments={name}" for name in environment.get("additionalExperiments", ())]
    options += [f"--{option.lstrip('-')}" for option in environment.get("additionalPipelineOptions", ())]
    return tuple(options)
