"""Small HTML pages of plain tables, in which every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from airflow_dataflow_ext.emulator.http.router import Outgoing

_STYLE = "body{font:15px sans-serif;margin:2em}table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #bbb;padding:.3em .6em;"
_STYLE += "text-align:left;vertical-align:top}"
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'", "Cache-Control": "no-store"}


class Link:
    """A link to a path of the same server."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path


Cell = str | Link


def page(title: str, *parts: str, status: int = 200) -> Outgoing:
    """A page of parts that the functions of this module make."""
    head = f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style></head>'
    body = f"{head}<body><h1>{escape(title)}</h1>{''.join(parts)}</body></html>"
    return Outgoing(status=status, content=body.encode("utf-8", "replace"), headers=_HEADERS, content_type="text/html; charset=UTF-8")


def text(words: str) -> str:
    """A paragraph."""
    return f"<p>{escape(words)}</p>"


def facts(named: Mapping[str, Cell]) -> str:
    """A table of names and values, one row each."""
    rows = (f"<tr><th>{escape(name)}</th>{_cell(value)}</tr>" for name, value in named.items())
    return f"<table>{''.join(rows)}</table>"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table with a heading, or a sentence if it has no rows."""
    lines = [f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows]
    if not lines:
        return f"<h2>{escape(title)}</h2><p>None so far.</p>"
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    return f"<h2>{escape(title)}</h2><table><tr>{head}</tr>{''.join(lines)}</table>"


def _cell(value: Cell) -> str:
    if isinstance(value, Link):
        return f'<td><a href="{escape(value.path)}">{escape(value.text)}</a></td>'
    return f"<td>{escape(value)}</td>"
