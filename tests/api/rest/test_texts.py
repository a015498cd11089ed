"""Tests of how values and texts appear in messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_dataflow_ext.api.rest.texts import plain, sentence, shortened, shown


def test_a_short_value_is_shown_whole() -> None:
    assert shown("a-name") == "'a-name'"
    assert shown({"a": 1}) == "{'a': 1}"


@pytest.mark.parametrize("value", ["x" * 1100, ["x"] * 1000, {"k": "x" * 9999}])
def test_a_long_value_is_cut_and_says_how_long_it_is(value: object) -> None:
    assert len(shown(value)) < 160
    assert shown(value).endswith(f"… ({len(repr(value)):,} characters)")


@pytest.mark.parametrize(
    ("text", "whole"),
    [("No such job", "No such job."), ("No.", "No."), ("Really?", "Really?"), ("No \n", "No."), ("", ""), ("(no.)", "(no.)")],
)
def test_a_sentence_ends(text: str, whole: str) -> None:
    assert sentence(text) == whole


def test_an_error_of_the_system_is_said_without_its_number() -> None:
    with pytest.raises(FileNotFoundError) as missing:
        Path("/nowhere/key.json").read_text()
    assert plain(missing.value) == "No such file or directory: '/nowhere/key.json'"
    assert plain(KeyError("private_key")) == "'private_key' is missing"
    assert plain(ValueError("bad")) == "bad"


def test_a_text_that_fits_stays() -> None:
    assert shortened("abc", 3) == "abc"
