"""The preconditions of a request about an object or a bucket.

Source: https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_dataflow_ext.emulator.google.records import Bucket, StoredObject
from airflow_dataflow_ext.emulator.http.errors import ApiError


@dataclass(frozen=True, slots=True, kw_only=True)
class Preconditions:
    """Generation numbers that must, or must not, match; generation 0 means that the object does not exist.

    :param etags: the values of ``If-Match`` under True, and of ``If-None-Match`` under False.
    """

    generation: int | None = None
    not_generation: int | None = None
    metageneration: int | None = None
    not_metageneration: int | None = None
    etags: Mapping[bool, str] = field(default_factory=dict)

    @classmethod
    def of(cls, parameters: Mapping[str, Any], *, source: bool = False, headers: Mapping[str, str] | None = None) -> Preconditions:
        """The preconditions of a request.

        :param source: whether to take those for the source of a copy.
        :param headers: headers of a request that may contain etags.
        """
        start = "ifSource" if source else "if"
        named = {True: (headers or {}).get("if-match", ""), False: (headers or {}).get("if-none-match", "")}
        return cls(
            generation=parameters.get(f"{start}GenerationMatch"),
            not_generation=parameters.get(f"{start}GenerationNotMatch"),
            metageneration=parameters.get(f"{start}MetagenerationMatch"),
            not_metageneration=parameters.get(f"{start}MetagenerationNotMatch"),
            etags={kind: value for kind, value in named.items() if value},
        )

    def check(self, item: StoredObject | Bucket | None) -> None:
        """
        :raises ApiError: 412 if a value does not match that must; 304 if a value matches that must not.
        """
        generation = item.generation if isinstance(item, StoredObject) else 0
        _compare(self.generation, generation)
        _compare(self.metageneration, item.metageneration if item else None)
        self._compare_etags(item.etag if item else "")
        # If the object does not exist, there is nothing to compare.
        _compare_not(self.not_generation, generation, exists=item is not None)
        _compare_not(self.not_metageneration, item.metageneration if item else None, exists=item is not None)

    def _compare_etags(self, etag: str) -> None:
        for must_match, named in self.etags.items():
            tags = [tag.strip().removeprefix("W/").strip('"') for tag in named.split(",")]
            if must_match and not (etag and (etag in tags or "*" in tags)):
                raise _failed()
            if not must_match and etag and (etag in tags or "*" in tags):
                raise _unchanged()


def _compare(wanted: int | None, found: int | None) -> None:
    if wanted is not None and wanted != found:
        raise _failed()


def _compare_not(unwanted: int | None, found: int | None, *, exists: bool) -> None:
    if unwanted is not None and (unwanted == found or not exists):
        raise _unchanged()


def _failed() -> ApiError:
    return ApiError(412, "At least one of the pre-conditions you specified did not hold.", reason="conditionNotMet")


def _unchanged() -> ApiError:
    return ApiError(304, "Not Modified", reason="notModified")
