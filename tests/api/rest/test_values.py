"""Values that a user gave, read by the type of their field."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.values import flag, mapping, read, seconds, sequence

FIELDS = {"Box": {"size": "int32", "open": "boolean", "inner": "Box", "tags": "[string]", "labels": "{string}", "maxWorkers": "int32"}}
NAN = float("nan")


class Zone(StrEnum):
    A = "a"


class Workers(Enum):
    MANY = 50
    SHARED = "true"


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        ("boolean", "True", True),
        ("boolean", " false\n", False),
        ("boolean", "None", None),
        ("int32", "3", 3),
        ("int32", " -3 ", -3),
        ("int32", "3.0", 3),
        ("int32", 3.0, 3),
        ("int32", Decimal(3), 3),
        ("int32", "None", None),
        ("int64", 2**40, str(2**40)),
        ("double", "0.5", 0.5),
        ("double", 1, 1.0),
        ("duration", timedelta(days=7), "604800s"),
        ("duration", 3600, "3600s"),
        ("duration", "3600", "3600s"),
        ("duration", "0.5s", "0.5s"),
        ("datetime", datetime(2026, 1, 2, tzinfo=UTC).replace(tzinfo=None), "2026-01-02T00:00:00Z"),
        ("string", 7, "7"),
        ("string", True, "true"),
        ("string", date(2026, 1, 2), "2026-01-02"),
        ("string", datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        ("string", Decimal("1.50"), "1.50"),
        ("string", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("string", PurePosixPath("a/b"), "a/b"),
        ("string", Zone.A, "a"),
        ("string", "None", "None"),
        ("A_ONE|A_TWO", "A_TWO", "A_TWO"),
        ("[string]", "['a', 1]", ["a", "1"]),
        ("[string]", '["a", true]', ["a", "true"]),
        ("[string]", ("a",), ["a"]),
        ("[int32]", ["1", 2], [1, 2]),
        ("{string}", "{'a': 1, 'b': None}", {"a": "1"}),
        ("{string}", '{"a": null}', {}),
        ("Box", '{"size": "3", "open": "False", "inner": "{\'size\': 1}"}', {"size": 3, "open": False, "inner": {"size": 1}}),
        ("Box", {"max_workers": 2, "size": None, "inner": {"open": None}}, {"maxWorkers": 2, "inner": {}}),
        ("Box", {"brandNew": {"x": None}}, {"brandNew": {"x": None}}),
        ("any", {"a": [date(2026, 1, 2), None, 1]}, {"a": ["2026-01-02", None, 1]}),
    ],
)
def test_a_value_is_read_as_the_type_of_its_field(kind: str, value: Any, meant: Any) -> None:
    assert read(kind, value, "x", FIELDS) == meant


@pytest.mark.parametrize("kind", ["boolean", "int32", "int64", "double", "duration", "A|B", "[string]", "{string}", "Box"])
@pytest.mark.parametrize("nothing", ["", " \n", "None", "null"])
def test_empty_text_is_not_given_unless_the_field_is_a_text(kind: str, nothing: str) -> None:
    assert not read(kind, nothing, "x", FIELDS)
    assert read("{any}", {"labels": nothing}, "x", FIELDS) == {"labels": nothing}
    assert read("Box", {"size": nothing, "tags": nothing}, "x", FIELDS) == {}
    assert (mapping(nothing, "x"), sequence(nothing, "x")) == ({}, ())


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        ("int32", np.int64(3), 3),
        ("int32", Workers.MANY, 50),
        ("double", np.float32(0.5), 0.5),
        ("boolean", np.bool_(True), True),
        ("boolean", Workers.SHARED, True),
        ("duration", np.int64(60), "60s"),
        ("duration", Decimal("0.5"), "0.5s"),
        ("string", np.int64(3), "3"),
        ("string", np.bool_(False), "false"),
        ("string", Workers.MANY, "50"),
        ("any", {"n": np.float64(2.5), "of": [np.int8(1), Workers.SHARED]}, {"n": 2.5, "of": [1, "true"]}),
    ],
)
def test_an_enum_member_and_a_numpy_scalar_are_read_as_their_values(kind: str, value: Any, meant: Any) -> None:
    found = read(kind, value, "x", FIELDS)
    assert (found, type(found)) == (meant, type(meant))


def test_seconds_may_be_a_numpy_scalar_and_a_time_of_numpy_is_refused() -> None:
    assert seconds(np.int64(5), "x") == 5.0
    with pytest.raises(InvalidInputError, match="x must be a text, not datetime64"):
        read("string", np.datetime64("2026-01-02T00:00:00.000000000"), "x", FIELDS)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("boolean", "yes", "x must be true or false, not 'yes'"),
        ("boolean", 1, "x must be true or false, not 1"),
        ("int32", True, "x must be a whole number (int32), not True"),
        ("int32", "3 workers", "x must be a whole number (int32), not '3 workers'"),
        ("int32", 2**31, "x must be a whole number (int32)"),
        ("int32", "1_0", "x must be a whole number (int32), not '1_0'"),
        ("int32", 1.5, "x must be a whole number (int32), not 1.5"),
        ("int32", float("inf"), "x must be a whole number (int32), not inf"),
        ("double", "many", "x must be a number, not 'many'"),
        ("double", NAN, "x must be a number, not nan"),
        ("duration", "7d", "x must be a duration, for example '604800s', not '7d'"),
        ("duration", -1, "x must be a duration"),
        ("string", {"a": 1}, "x must be a text, not dict {'a': 1}"),
        ("string", b"a", "x must be a text, not bytes b'a'"),
        ("string", NAN, "x must be a text, not float nan"),
        ("A_ONE|A_TWO", "A_TOO", "x must be one of A_ONE, A_TWO, not 'A_TOO'; did you mean 'A_TWO'?"),
        ("A_ONE|A_TWO", "two", "did you mean 'A_TWO'?"),
        ("[string]", "a", "x must be a list; this text is neither JSON nor Python for one: 'a'"),
        ("[string]", "{'a': 1}", "x must be a list, not dict"),
        ("[string]", ["a", None], "x[1] must not be None"),
        ("[string]", {"a"}, "x must be a list, not set"),
        ("{string}", [1], "x must be a mapping, not list [1]"),
        ("{string}", {1: "a"}, "x: the name 1 is not a string"),
        ("{string}", {"a": [1]}, "x['a'] must be a text, not list [1]"),
        ("Box", '{"size": NaN}', "x must be a mapping; this text is neither JSON nor Python"),
        ("Box", {"inner": {"tags": [[]]}}, "x.inner.tags[0] must be a text, not list []"),
        ("Box", {"maxWorker": 1}, "x.maxWorker is not a field of a Box; did you mean 'maxWorkers'?"),
        ("Box", {"max_workers": 1, "maxWorkers": 2}, "x.maxWorkers is given twice"),
        ("any", {"a": object()}, "x['a'] must be a text, not object"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(kind: str, value: Any, words: str) -> None:
    with pytest.raises(InvalidInputError) as wrong:
        read(kind, value, "x", FIELDS)
    assert words in str(wrong.value)


@pytest.mark.parametrize("kind", ["boolean", "int32", "double", "duration", "A|B", "[string]", "{string}", "Box"])
@pytest.mark.parametrize("value", ["x" * 2000, [object(), "x" * 2000], {"x" * 2000: object()}, "[" * 3000])
def test_a_long_value_is_not_printed_whole(kind: str, value: Any) -> None:
    with pytest.raises(InvalidInputError) as wrong:
        read(kind, value, "x", FIELDS)
    assert len(str(wrong.value)) < 400


PLAIN = st.booleans() | st.integers() | st.text(max_size=9)


@given(st.dictionaries(st.text(min_size=1, max_size=9), PLAIN | st.lists(PLAIN | st.none(), max_size=3), max_size=4))
def test_a_mapping_is_the_same_as_such_as_json_and_as_python(value: dict[str, Any]) -> None:
    kept = read("{any}", value, "x", {})
    assert read("{any}", json.dumps(value), "x", {}) == read("{any}", repr(value), "x", {}) == kept == value


@given(st.text())
def test_a_flag_is_true_false_or_refused(text: str) -> None:
    if text.strip().lower() in ("true", "false"):
        assert flag(text, "x") is (text.strip().lower() == "true")
        return
    with pytest.raises(InvalidInputError, match="x must be true or false"):
        flag(text, "x")
