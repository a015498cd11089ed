"""The file of ``--images``, which maps images and paths of classic templates to programs and Pythons."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

ImagesGiven: TypeAlias = "Mapping[str, str | os.PathLike[str] | Image] | str | os.PathLike[str] | None"
"""What a caller gives for images, see :func:`images_of`."""

_FORM = '{"image": "pipeline.py"} or {"image": {"program": "pipeline.py", "python": "environment/bin/python"}}'


class ImagesError(ValueError):
    """The file that maps images to programs cannot be used."""


@dataclass(frozen=True, slots=True)
class Image:
    """What runs in place of an image; paths are absolute.

    :param program: a Python pipeline file; None if the template has its own, as Beam YAML and staged pipelines do.
    :param python: the Python that runs it, in an environment with apache-beam[gcp]; None for the emulator's own.
    """

    program: str | None = None
    python: str | None = None


def images_of(given: ImagesGiven) -> dict[str, Image]:
    """The images of a mapping, where a path is that of a program, or of the JSON file at a path: see :func:`read_images`.

    :raises ImagesError: the file cannot be used, or an image maps to something else.
    """
    if isinstance(given, str | os.PathLike):
        return read_images(given)
    if not isinstance(given or {}, Mapping):
        raise ImagesError(f"images must be a mapping of images, or the path of a JSON file that holds one, not {given!r}")
    images = {name: Image(program=os.fspath(to)) if isinstance(to, str | os.PathLike) else to for name, to in (given or {}).items()}
    for name, image in images.items():
        if not isinstance(image, Image):
            raise ImagesError(f"The image {name} maps to {image!r}; map it to the path of a Python pipeline, or to an Image")
    return images


def read_images(path: str | os.PathLike[str]) -> dict[str, Image]:
    """Read a JSON file that maps images to programs; relative paths start at the file's directory.

    An entry is ``"image": "pipeline.py"`` or ``"image": {"program": "pipeline.py", "python": "environment/bin/python"}``, where either
    of the two may be missing. A list of ``{"image": ..., "program": ..., "python": ...}`` is equivalent.

    :raises ImagesError: the file cannot be read, is not such a mapping, or names a file that does not exist.
    """
    path = Path(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ImagesError(f"Cannot read the image mapping {path}: {error}") from error
    return {name: _image(path, name, entry) for name, entry in _entries(path, found).items()}


def _entries(path: Path, found: Any) -> Mapping[str, Any]:
    if isinstance(found, list) and all(isinstance(entry, dict) and isinstance(entry.get("image"), str) for entry in found):
        return {entry["image"]: {key: value for key, value in entry.items() if key != "image"} for entry in found}
    if not isinstance(found, dict):
        raise ImagesError(f"{path} must hold one JSON object, {_FORM}.")
    return found


def _image(path: Path, name: str, entry: Any) -> Image:
    named = {"program": entry} if isinstance(entry, str) else entry
    well_formed = isinstance(named, dict) and named and all(isinstance(value, str) for value in named.values())
    if not well_formed or set(named) - {"program", "python"}:
        raise ImagesError(f"{path} must hold one JSON object, {_FORM}; the entry of {name} is {json.dumps(entry)}.")
    # Not resolved: the Python of a virtual environment is a symbolic link to a Python outside of it.
    files = {what: os.path.abspath(path.parent / file) for what, file in named.items()}
    for file in files.values():
        if not Path(file).is_file():
            raise ImagesError(f"{path} maps {name} to {file}, which is not a file.")
    return Image(**files)
