"""The table of the functions that answer methods; each emulated service has one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator.http.errors import ApiError

Answer = TypeVar("Answer")


class Answers(Generic[Answer]):
    """Maps methods to the functions that answer them; as a decorator, it registers a function."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[Method, Answer]] = {}

    def __call__(self, method: Method) -> Callable[[Answer], Answer]:
        """Register a function that answers this method, on each of its paths."""

        def enter(answer: Answer) -> Answer:
            self.rows[method.id] = method, answer
            return answer

        return enter

    def __iter__(self) -> Iterator[Method]:
        """The methods that are answered."""
        return iter([method for method, _ in self.rows.values()])

    def of(self, method: Method) -> Answer:
        """The function that answers this method.

        :raises ApiError: 501 if there is none.
        """
        if method.id not in self.rows:
            raise ApiError(501, f"{method.id} is not emulated")
        return self.rows[method.id][1]
