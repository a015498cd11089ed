"""Who may ask what: every route of the app, and what each kind of user is answered."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tests.plugin.auth import ALL, NO_LOGS, OTHER, VIEWER
from tests.plugin.conftest import Browser, Ran

OPEN = {"/static"}
"""What needs no login: the pages' code."""

USERS = Callable[[str], Browser]


def routes() -> list[tuple[str, str, Any]]:
    """Method, path and route of everything that the app answers."""
    from airflow_dataflow_ext.plugin.app import build

    return [(next(iter(getattr(route, "methods", None) or {"GET"} - {"HEAD"})), route.path, route) for route in build().routes]


@pytest.fixture
def job(ran: Callable[..., Ran]) -> Ran:
    return ran()


def test_every_route_states_its_authorisation(as_user: USERS) -> None:
    from airflow_dataflow_ext.plugin import access

    as_user(ALL)
    for method, path, route in routes():
        if path in OPEN:
            continue
        stated = {dependency.dependency for dependency in route.dependencies}
        if method == "POST":
            assert {access.own_header, access.acts_on_task} <= stated, path
            assert any("log_action" in dependency.__qualname__ for dependency in stated), path
        else:
            assert access.reads_task in stated, path
        assert "{dag_id}" in path or path == "/jobs", f"{path}: Airflow's authorisation reads the path's dag_id"


def test_there_are_no_pages_that_describe_the_api(see: Browser) -> None:
    assert {see.get(path).status_code for path in ("/docs", "/redoc", "/openapi.json")} == {404}


def ask(browser: Browser, method: str, path: str, job: Ran, **how: Any) -> int:
    target = path.replace("{dag_id}", job.dag_id)
    query = {**job.query, "stage": "F1"}
    reply = browser.get(target, **query) if method == "GET" else browser.post(target, **query, **how)
    return int(reply.status_code)


def test_nobody_is_answered_without_a_login(as_user: USERS, job: Ran) -> None:
    answers = {path: ask(as_user(""), method, path, job) for method, path, _ in routes() if path not in OPEN}
    assert set(answers.values()) == {401}, answers


def test_a_viewer_sees_and_does_not_act(as_user: USERS, job: Ran) -> None:
    answers = {(method, path): ask(as_user(VIEWER), method, path, job) for method, path, _ in routes() if path not in OPEN}
    assert {code for (method, _), code in answers.items() if method == "GET"} == {200}, answers
    assert {code for (method, _), code in answers.items() if method == "POST"} == {403}, answers
    assert as_user(VIEWER).see(job)["may"]["act"] == []


def test_a_reader_of_another_dag_is_refused(as_user: USERS, job: Ran) -> None:
    answers = {path: ask(as_user(OTHER), method, path, job) for method, path, _ in routes() if "{dag_id}" in path}
    assert set(answers.values()) == {403}, answers


def test_a_dag_in_the_query_opens_no_other_one(as_user: USERS, job: Ran) -> None:
    reply = as_user(OTHER).get(f"/dags/{job.dag_id}/job", **job.query, dag_id="other")
    assert reply.status_code == 403


def test_an_action_without_the_pages_own_header_is_refused(as_user: USERS, job: Ran) -> None:
    answers = {path: ask(as_user(ALL), method, path, job, header=False) for method, path, _ in routes() if method == "POST"}
    assert len(answers) == 4
    assert set(answers.values()) == {403}


def test_one_who_may_not_read_logs_sees_no_messages(as_user: USERS, job: Ran) -> None:
    browser = as_user(NO_LOGS)
    assert browser.see(job)["may"]["logs"] is False
    assert browser.get(f"/dags/{job.dag_id}/job/messages", **job.query).status_code == 403
    assert browser.get(f"/dags/{job.dag_id}/job/why", **job.query).status_code == 403


def test_the_list_shows_the_dags_that_one_may_read(as_user: USERS, job: Ran, ran: Callable[..., Ran]) -> None:
    ran("other")
    dags = {
        name: {row["dag_id"] for part in ("running", "rows") for row in as_user(name).get("/jobs").json()[part]} for name in (ALL, OTHER)
    }
    assert dags[OTHER] <= {"other"}
    assert as_user(OTHER).get("/jobs", dag_id=job.dag_id).status_code == 403


def test_what_is_not_there_is_not_found(see: Browser, job: Ran) -> None:
    reply = see.get(f"/dags/{job.dag_id}/job", run_id="manual__never", task_id="launch")
    assert (reply.status_code, reply.json()["detail"]) == (404, "There is no such task instance.")


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "nonsense!",
        "é",
        cursor("5"),
        cursor("{}"),
        cursor('[[1e999, "a", 1], null]'),
        cursor('[[99999999999999999999, "a", 1], null]'),
        cursor('[null, [1, "a", 99999999999999999999]]'),
        cursor('[["1", "a", "1"], null]'),
        cursor("[" * 3_000),
    ],
)
def test_a_cursor_that_is_none_is_refused(see: Browser, text: str) -> None:
    reply = see.get("/jobs", cursor=text)
    assert (reply.status_code, reply.json()["detail"]) == (400, f"{text[:100]!r} is no cursor of this list")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/dags/d/job", {"map_index": 2**31}),
        ("/dags/d/job", {"map_index": -2}),
        ("/dags/d/job", {"run_id": "a\0"}),
        ("/dags/d/job", {"task_id": ""}),
        ("/jobs", {"dag_id": "a\0"}),
        ("/jobs", {"since": "yesterday"}),
        ("/jobs", {"until": "2026-01-01T00:00:00+02:00"}),
        ("/jobs", {"least_cost": "much"}),
    ],
)
def test_a_wrong_query_is_refused_by_name_in_one_text(see: Browser, path: str, query: dict[str, Any]) -> None:
    reply = see.get(path, **{"run_id": "r", "task_id": "t", **query})
    assert reply.status_code == 422
    assert reply.json()["detail"].startswith(f"The query is wrong. {next(iter(query))}: ")
    assert "pattern" not in reply.json()["detail"]  # a reader understands no regular expression
