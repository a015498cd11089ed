"""Drives a conversation in a test without a network: it gives scripted answers, and records requests, log lines, pauses and records."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from airflow_dataflow_ext.api.jobs.wait import look_alone
from airflow_dataflow_ext.api.jobs.watch import Look
from airflow_dataflow_ext.api.rest.method import NoReply, Reply, Request
from airflow_dataflow_ext.api.rest.steps import Conversation, Now, Recall, Record, Renew, Say, Sleep

T = TypeVar("T")
Json = dict[str, Any]
Answer = Reply | NoReply | Json | Callable[[Request], Any]
RESET = NoReply(reason="ConnectionResetError")


def ok(body: Any = None, **headers: str) -> Reply:
    """A successful reply; header names are written with underscores."""
    return Reply(status=200, content=json.dumps(body or {}).encode(), headers=_names(headers))


def refused(status: int, message: str = "No.", reason: str = "", code: str = "", **headers: str) -> Reply:
    """A refusal in the form of Google's errors."""
    error = {"code": status, "message": message, "status": code, "errors": [{"reason": reason}] if reason else []}
    return Reply(status=status, content=json.dumps({"error": error}).encode(), headers=_names(headers))


def _names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class Talk:
    """``Talk(answers...)(conversation)`` returns the result of the conversation.

    Answers are given in their order. A mapping is the body of a successful reply; a function makes this and all later answers.
    """

    def __init__(self, *answers: Answer, record: Any = None, now: float = 1_000_000.0) -> None:
        self.answers = list(answers)
        self.record = record
        self.now = now
        self.asked: list[Request] = []
        self.slept: list[float] = []
        self.said: list[str] = []
        self.levels: list[int] = []
        self.renewed = 0

    @property
    def verbs(self) -> list[str]:
        """The ids of the methods that were requested."""
        return [request.method.id for request in self.asked]

    def __call__(self, conversation: Conversation[T]) -> T:
        answer: Any = None
        failed: Exception | None = None
        while True:
            try:
                step = conversation.send(answer) if failed is None else conversation.throw(failed)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            answer = failed = None
            try:
                answer = self.perform(step)
            except Exception as error:
                failed = error

    def perform(self, step: Any) -> Any:
        """Answer one step."""
        match step:
            case Request():
                self.asked.append(step)
                return self._answer(step)
            case Sleep(seconds):
                self.slept.append(seconds)
                self.now += seconds
            case Say(text, level):
                self.said.append(text)
                self.levels.append(level)
            case Renew():
                self.renewed += 1
            case Look():
                return self(look_alone(step))
            case Now():
                return self.now
            case Recall():
                return self.record
            case Record(value):
                self.record = json.loads(json.dumps(value))
        return None

    def _answer(self, request: Request) -> Reply | NoReply:
        assert self.answers, f"there is no answer left for {request}"
        answer = self.answers[0] if callable(self.answers[0]) else self.answers.pop(0)
        if callable(answer):
            answer = answer(request)
        return ok(answer) if isinstance(answer, dict) else answer
