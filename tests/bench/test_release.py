"""A version is released when the changelog has its section, with a day, and nothing waits above it."""

from __future__ import annotations

import pytest

from bench.release import faults_of_changelog

READY = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-28

### Added

- Something.

## [1.1.0] - 2026-10-01
"""


@pytest.mark.parametrize("text", [READY, READY.replace("## [Unreleased]\n\n", "")])
def test_a_changelog_with_the_version_and_its_day_is_ready(text: str) -> None:
    assert faults_of_changelog(text, "1.2.0") == []


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        ("1.2.0", "1.2.1", "the newest section is 1.2.1"),
        (" - 2026-11-28", "", "has no valid date"),
        ("2026-11-28", "unreleased", "has no valid date"),
        ("2026-11-28", "2026-11-31", "has no valid date"),
        ("2026-11-28", "20261128", "has no valid date"),
        ("## [Unreleased]\n", "## [Unreleased]\n\n- Something else.\n", "there are entries under [Unreleased]"),
        (READY, "# Changelog\n", "the newest section is none"),
    ],
)
def test_another_changelog_is_not(written: str, instead: str, said: str) -> None:
    (fault,) = faults_of_changelog(READY.replace(written, instead), "1.2.0")
    assert said in fault
