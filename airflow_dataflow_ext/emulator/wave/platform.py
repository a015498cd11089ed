"""The calls that clients of any Salesforce org make first: API versions, resources, and the user.

Sources: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_versions.htm ,
https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_using_userinfo_endpoint.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator.http.answers import Answers
from airflow_dataflow_ext.emulator.http.errors import ApiError, missing
from airflow_dataflow_ext.emulator.http.router import Incoming, Outgoing, as_json
from airflow_dataflow_ext.emulator.wave.call import NEWEST_VERSION, NO_RESOURCE, read_id, read_version
from airflow_dataflow_ext.emulator.wave.login import ORGANIZATION, USER, USERNAME, Sessions, root_of
from airflow_dataflow_ext.emulator.wave.service import WaveServer

_OLDEST_VERSION = 31
_SEASONS = ("Winter", "Spring", "Summer")
_DATA = "services/data"


def _get(name: str, path: str) -> Method:
    return Method(id=f"salesforce.{name}", verb="GET", path=path, reply=name, repeatable=True)


VERSIONS = _get("versions", _DATA)
RESOURCES = _get("resources", f"{_DATA}/v{{version}}")
LOGGED_IN = _get("user", f"{_DATA}/v{{version}}/sobjects/User/{{userId}}")
USER_INFO = _get("userinfo", "services/oauth2/userinfo")
IDENTITY = _get("identity", "id/{organizationId}/{userId}")


class SalesforcePlatform:
    """The part of the org that is not specific to CRM Analytics; refusals have the same form."""

    prefix = _DATA
    any_case = True

    def __init__(self, wave: WaveServer, sessions: Sessions) -> None:
        self.sessions = sessions
        self.refuse = wave.refuse

    def methods(self) -> Iterable[Method]:
        return answers

    def answer(self, incoming: Incoming) -> Outgoing:
        if incoming.method is not VERSIONS:
            self.sessions.check(incoming)
        return as_json(answers.of(incoming.method)(incoming))

    def job_name(self, incoming: Incoming) -> str:
        return ""


answers: Answers[Callable[[Incoming], Any]] = Answers()


@answers(VERSIONS)
def versions(_: Incoming) -> Any:
    return [_version(number) for number in range(_OLDEST_VERSION, NEWEST_VERSION + 1)]


def _version(number: int) -> dict[str, str]:
    year = 4 + (number + 1) // 3  # version 68 is Winter '27
    season = _SEASONS[(number + 1) % 3]
    return {"label": f"{season} '{year:02}", "url": f"/{_DATA}/v{number}.0", "version": f"{number}.0"}


@answers(RESOURCES)
def resources(incoming: Incoming) -> Any:
    root = f"/{_DATA}/v{read_version(incoming.path['version'])}.0"
    return {"identity": f"{root_of(incoming)}/id/{ORGANIZATION}/{USER}", "sobjects": f"{root}/sobjects", "wave": f"{root}/wave"}


@answers(LOGGED_IN)
def user(incoming: Incoming) -> Any:
    version = read_version(incoming.path["version"])
    if read_id(incoming.path["userId"]) != USER:
        raise missing(NO_RESOURCE)
    url = f"/{_DATA}/v{version}.0/sobjects/User/{USER}"
    return {"attributes": {"type": "User", "url": url}, "Id": USER, "Username": USERNAME, "Email": USERNAME, "IsActive": True}


@answers(USER_INFO)
def userinfo(incoming: Incoming) -> Any:
    root = root_of(incoming)
    urls = {"rest": f"{root}/{_DATA}/v{{version}}/", "sobjects": f"{root}/{_DATA}/v{{version}}/sobjects/"}
    identity = {"sub": f"{root}/id/{ORGANIZATION}/{USER}", "user_id": USER, "organization_id": ORGANIZATION}
    return {**identity, "preferred_username": USERNAME, "email": USERNAME, "email_verified": True, "active": True, "urls": urls}


@answers(IDENTITY)
def identity(incoming: Incoming) -> Any:
    if (incoming.path["organizationId"], incoming.path["userId"]) != (ORGANIZATION, USER):
        raise ApiError(403, "Bad_Id", code="FORBIDDEN")
    info = userinfo(incoming)
    return {**info, "id": info["sub"], "asserted_user": True, "username": USERNAME}
