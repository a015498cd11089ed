"""The integer formats of discovery documents, and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_dataflow_ext.emulator.http.payload import whole

LIMITS: Mapping[str, tuple[int, int]] = {
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


def read_integer(kind: str, form: str, value: Any) -> int | str:
    """The integer, as text if its schema says so, since JSON cannot represent 64 bits.

    A JSON number such as ``3.0`` or ``1e2`` is an integer, too: https://protobuf.dev/programming-guides/json/

    :raises ValueError: it is not an integer, or outside the limits of its format.
    """
    low, high = LIMITS[form]
    number = whole(int(value) if isinstance(value, float) and value.is_integer() else value)
    if not low <= number <= high:
        raise ValueError(value)
    return str(number) if kind == "string" else number
