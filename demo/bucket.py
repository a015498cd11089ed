"""The demo's input and output: a bucket, a real text, and a count of its words without Beam."""

from __future__ import annotations

import re
from collections import Counter
from fnmatch import fnmatchcase
from pydoc_data.topics import topics

from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

# The same definition of a word as in dags/pipelines/wordcount.py.
WORD = re.compile(r"[a-z']+")


class Bucket:
    """A bucket in the emulated Cloud Storage.

    :param url: the URL of the emulated Cloud Storage.
    """

    def __init__(self, url: str, name: str) -> None:
        client = Client(project="demo", credentials=AnonymousCredentials(), client_options={"api_endpoint": url})
        self.name = name
        self._bucket = client.create_bucket(name)

    def write(self, name: str, text: str) -> None:
        """Create or replace an object."""
        self._bucket.blob(name).upload_from_string(text)

    def lines(self, pattern: str) -> list[str]:
        """The lines of all objects whose name matches the pattern, in which ``*`` matches anything."""
        blobs = [blob for blob in self._bucket.list_blobs() if fnmatchcase(blob.name, pattern)]
        return [line for blob in blobs for line in blob.download_as_bytes().decode().splitlines()]


def python_reference() -> str:
    """The text that ``help()`` shows for Python's keywords and topics, about half a megabyte."""
    return "\n".join(topics[name] for name in sorted(topics))


def count_plainly(text: str) -> dict[str, int]:
    """Count how often each word occurs, without Beam."""
    return dict(Counter(WORD.findall(text.lower())))


def parse_counts(lines: list[str]) -> dict[str, int]:
    """Parse the counts that the pipeline wrote as ``word: number``.

    :raises ValueError: a line has another form, or a word occurs twice.
    """
    counts: dict[str, int] = {}
    for line in lines:
        word, _, number = line.rpartition(": ")
        if word in counts:
            raise ValueError(f"the word {word!r} was written twice")
        counts[word] = int(number)
    return counts
