"""Tests of names, labels and what identifies a launch."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from airflow_dataflow_ext.api.dataflow.names import (
    LONGEST_NAME,
    OUR_LABELS,
    check_job_name,
    check_labels,
    label_value,
    labels_of,
    made_name,
    merge_labels,
    with_suffix,
)
from airflow_dataflow_ext.api.jobs.identity import LaunchIdentity
from airflow_dataflow_ext.api.rest.errors import InvalidInputError

GOOGLES_NAME = re.compile(r"[a-z]([-a-z0-9]{0,1022}[a-z0-9])?")
GOOGLES_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
IDENTITY = LaunchIdentity(dag_id="dag", run_id="manual__2027-01-01T00:00:00+00:00", task_id="Group.task")
TEXT = st.text(max_size=80)


@pytest.mark.parametrize("name", ["x" * 1100, "X" * 1100, ["x" * 1100]])
def test_a_name_that_is_too_long_is_not_printed_whole(name: Any) -> None:
    with pytest.raises(InvalidInputError) as wrong:
        check_job_name(name)
    assert len(str(wrong.value)) < 400


def test_the_suffix_is_the_same_on_every_worker() -> None:
    assert IDENTITY.suffix == "a60d7af1ba"  # another value would launch anew what an older version has launched
    assert replace(IDENTITY).suffix == IDENTITY.suffix


@pytest.mark.parametrize("change", [{"dag_id": "d"}, {"run_id": "r"}, {"task_id": "t"}, {"map_index": 0}, {"generation": 1}])
def test_each_part_of_the_identity_makes_another_launch(change: dict[str, object]) -> None:
    assert replace(IDENTITY, **change).suffix != IDENTITY.suffix  # type: ignore[arg-type]


def test_parts_do_not_run_into_each_other() -> None:
    assert LaunchIdentity(dag_id="a", run_id="bc", task_id="").suffix != LaunchIdentity(dag_id="ab", run_id="c", task_id="").suffix


def test_labels_say_whose_job_it_is() -> None:
    assert labels_of(replace(IDENTITY, map_index=3)) == {
        "airflow-launch": replace(IDENTITY, map_index=3).suffix,
        "airflow-dag-id": "dag",
        "airflow-run-id": "manual__2027-01-01t00-00-00-00-00",
        "airflow-task-id": "group-task-3",
    }


@given(TEXT, TEXT, TEXT, st.integers(-1, 9999))
def test_labels_always_keep_googles_rules(dag_id: str, run_id: str, task_id: str, map_index: int) -> None:
    labels = labels_of(LaunchIdentity(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index))
    assert merge_labels({}, labels) == labels
    assert all(GOOGLES_VALUE.fullmatch(value) for value in labels.values())


@given(TEXT)
def test_any_text_becomes_a_label_value(text: str) -> None:
    assert GOOGLES_VALUE.fullmatch(label_value(text))


@pytest.mark.parametrize(("name", "cleaned"), [("wc", "wc"), ("group.load_day", "group-load-day"), ("a" * 1024, "a" * 1024), ("a", "a")])
def test_a_job_name_may_be_a_task_id(name: str, cleaned: str) -> None:
    assert check_job_name(name) == cleaned


@pytest.mark.parametrize("name", ["", "Wc", "1wc", "-wc", "wc-", "wc_", "w c", "wc\n", "wört", "a" * 1025, "{{ x }}", None, 3, ["a"]])
def test_a_bad_job_name_is_refused_by_its_name(name: object) -> None:
    with pytest.raises(InvalidInputError, match="job_name"):
        check_job_name(name)  # type: ignore[arg-type]


@given(st.from_regex(r"[a-z]([-a-z0-9]{0,1022}[a-z0-9])?", fullmatch=True), st.integers(0, 9))
def test_a_name_with_its_suffix_keeps_googles_rule(name: str, generation: int) -> None:
    suffix = replace(IDENTITY, generation=generation).suffix
    full = with_suffix(name, suffix)
    assert GOOGLES_NAME.fullmatch(full)
    assert full.endswith("-" + suffix)


def test_long_names_are_cut_in_the_middle_and_do_not_collide() -> None:
    first, second = ("a" * 500 + middle + "b" * 500 for middle in ("x" * 20, "y" * 20))
    cut = with_suffix(first, IDENTITY.suffix)
    assert len(cut) <= LONGEST_NAME
    assert cut.startswith("a" * 400)
    assert "b" * 400 in cut
    assert cut != with_suffix(second, IDENTITY.suffix)


def test_a_name_that_just_fits_stays_whole() -> None:
    name = "a" * (LONGEST_NAME - 11)
    assert with_suffix(name, IDENTITY.suffix) == f"{name}-{IDENTITY.suffix}"
    assert len(with_suffix(name + "a", IDENTITY.suffix)) <= LONGEST_NAME


def test_the_users_labels_stand_beside_ours() -> None:
    merged = merge_labels(check_labels({"team": "a_b-c", "ß": ""}, "labels"), labels_of(IDENTITY))
    assert merged == {"team": "a_b-c", "ß": "", **labels_of(IDENTITY)}


@pytest.mark.parametrize("key", OUR_LABELS)
def test_a_user_cannot_take_a_label_of_ours(key: str) -> None:
    with pytest.raises(InvalidInputError, match=f"environment.additionalUserLabels must not hold '{key}'"):
        check_labels({key: "x"}, "environment.additionalUserLabels")


@pytest.mark.parametrize(
    "labels",
    [
        {"Team": "a"},
        {"Ärger": "a"},
        {"1team": "a"},
        {"": "a"},
        {"t" * 64: "a"},
        {3: "a"},
        {"a b": "x"},
        {"team": {"a": 1}},
        {"team": ["a"]},
    ],
)
def test_a_label_that_breaks_googles_rules_is_named(labels: dict[object, object]) -> None:
    key, value = next(iter(labels.items()))
    with pytest.raises(InvalidInputError) as caught:
        check_labels(labels, "where")
    assert str(caught.value).startswith("where")
    assert repr(key) in str(caught.value) or repr(value) in str(caught.value)


def test_there_is_room_for_60_labels_of_the_user() -> None:
    labels = {f"l{number}": "" for number in range(60)}
    assert len(merge_labels(check_labels(labels, "labels"), labels_of(IDENTITY))) == 64
    with pytest.raises(InvalidInputError, match="labels holds 61 labels"):
        check_labels({**labels, "one-more": ""}, "labels")


TASK_ID = st.from_regex(r"[\w.\-]{1,250}", fullmatch=True)
"""What Airflow takes as a task's id, which also names the task's groups."""


@given(TASK_ID)
def test_every_task_id_that_airflow_takes_gives_a_job_name(task_id: str) -> None:
    assert GOOGLES_NAME.fullmatch(made_name(task_id))
    assert GOOGLES_NAME.fullmatch(with_suffix(made_name(task_id), IDENTITY.suffix))


@given(st.text().filter(lambda text: text.strip() not in ("", "None")))  # these two mean that no name is given
def test_every_text_gives_a_job_name_and_always_the_same(text: str) -> None:
    assert GOOGLES_NAME.fullmatch(made_name(text))
    assert made_name(made_name(text)) == made_name(text) == made_name(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Load._raw.Count", "load--raw-count"),
        ("Group_A.count", "group-a-count"),
        ("2026-load", "job-2026-load"),
        ("manual__2026-01-01T00:00:00+00:00", "manual--2026-01-01t00-00-00-00-00"),
        ("_private_", "private"),
        ("...", "job"),
        (20260101, "job-20260101"),
        ("wc", "wc"),
    ],
)
def test_a_name_is_made_of_any_text(text: Any, name: str) -> None:
    assert made_name(text) == name


def test_a_long_name_is_cut_in_the_middle() -> None:
    made = made_name("A" * 600 + "B" * 600)
    assert len(made) == LONGEST_NAME
    assert made.startswith("a" * 400)
    assert made.endswith("b" * 400)


@pytest.mark.parametrize("name", ["", " ", None])
def test_no_name_is_made_of_nothing(name: Any) -> None:
    with pytest.raises(InvalidInputError, match="job_name must not be empty"):
        made_name(name)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (1234, "1234"),
        (True, "true"),
        (0.5, "0-5"),
        (date(2026, 1, 2), "2026-01-02"),
        ("Team A", "team-a"),
        ("ß", "ß"),
        ("a" * 70, "a" * 63),
    ],
)
def test_a_label_value_is_made_of_any_text_or_number(value: Any, label: str) -> None:
    assert merge_labels(check_labels({"l": value, "none": None}, "labels"), {}) == {"l": label}
