"""Logins to the emulated org: the SOAP call, the OAuth token endpoint, and the sessions that they create.

Sources: https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_login.htm ,
https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_flows.htm
"""

from __future__ import annotations

import hmac
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.api.wave.methods import full_id
from airflow_dataflow_ext.emulator.http.errors import ApiError
from airflow_dataflow_ext.emulator.http.router import NAME, Incoming, Outgoing, as_json

# Not secret, because only the emulator accepts them.
USERNAME, PASSWORD, SECURITY_TOKEN = "analyst@emulated.example", "emulated-password", "emulatedtoken"
ORGANIZATION, USER = "00DEM0000000001EAA", full_id("005EM0000000001")
CONSUMER_KEY, CONSUMER_SECRET = "3MVG9.emulated-app", "emulated-app-secret"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns="urn:partner.soap.sforce.com" xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body>{}</soapenv:Body></soapenv:Envelope>'
)


class Sessions:
    """The sessions, and when each expires, by the machine's time.

    :param lifetime: seconds for which a session is valid.
    """

    def __init__(self, lifetime: float = 7200.0) -> None:
        self.lifetime = lifetime
        self._good_until: dict[str, float] = {}

    def issue(self) -> str:
        session_id = f"{ORGANIZATION[:15]}!{secrets.token_urlsafe(48)}"
        self._good_until[session_id] = time.time() + self.lifetime
        return session_id

    def __contains__(self, session_id: str) -> bool:
        return time.time() < self._good_until.get(session_id, 0.0)

    def expire(self) -> int:
        """End all sessions; returns how many there were."""
        ended = len(self._good_until)
        self._good_until.clear()
        return ended

    def check(self, incoming: Incoming) -> None:
        """
        :raises ApiError: 401.
        """
        if (incoming.token() or "") not in self:
            raise ApiError(401, "Session expired or invalid", code="INVALID_SESSION_ID")


class RefusedLoginError(Exception):
    """A login is refused with one of the service's codes."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class WaveLogin:
    """Accepts the login flows of simple-salesforce for the emulated org's only user and only app.

    :param public_key: gives the public key, as PEM text, by which the app's JWTs are verified.
    """

    prefix = "services/oauth2"
    any_case = False
    token = Method(id="oauth.salesforce.token", verb="POST", path="services/oauth2/token", reply="Token", repeatable=True)
    soap = Method(id="oauth.salesforce.soap", verb="POST", path="services/Soap/u/{version}", reply="LoginResponse", repeatable=True)

    def __init__(self, sessions: Sessions, public_key: Callable[[], bytes]) -> None:
        self._sessions = sessions
        self._public_key = public_key
        self._grants: dict[str, Callable[[Mapping[str, str], Incoming], None]] = {
            "password": self._password,
            "client_credentials": self._client_credentials,
            _JWT_GRANT: self._jwt,
        }

    def methods(self) -> Iterable[Method]:
        return (self.token, self.soap)

    def answer(self, incoming: Incoming) -> Outgoing:
        return self._token(incoming) if incoming.method is self.token else self._soap(incoming)

    def refuse(self, error: ApiError) -> Outgoing:
        kind = "server_error" if error.status >= 500 else "invalid_request"
        return as_json({"error": kind, "error_description": str(error)}, error.status)

    def job_name(self, incoming: Incoming) -> str:
        return ""

    def _token(self, incoming: Incoming) -> Outgoing:
        form = dict(parse_qsl(incoming.content.decode("utf-8", "replace")))
        grant = self._grants.get(form.get("grant_type", ""))
        if grant is None:
            return as_json({"error": "unsupported_grant_type", "error_description": "grant type not supported"}, 400)
        try:
            grant(form, incoming)
        except RefusedLoginError as error:
            return as_json({"error": error.code, "error_description": str(error)}, 400)
        return as_json(_token_reply(self._sessions.issue(), root_of(incoming)))

    def _password(self, form: Mapping[str, str], incoming: Incoming) -> None:
        _check_app(form.get("client_id"), form.get("client_secret"))
        if (form.get("username"), form.get("password")) not in ((USERNAME, PASSWORD), (USERNAME, PASSWORD + SECURITY_TOKEN)):
            raise RefusedLoginError("invalid_grant", "authentication failure")

    def _client_credentials(self, form: Mapping[str, str], incoming: Incoming) -> None:
        kind, _, encoded = incoming.headers.get("authorization", "").partition(" ")
        try:
            given = b64decode(encoded).decode() if kind == "Basic" else f"{form.get('client_id')}:{form.get('client_secret')}"
        except ValueError as error:
            raise RefusedLoginError("invalid_client", "the Basic credentials are not UTF-8 text in base64") from error
        key, _, secret = given.partition(":")
        _check_app(key, secret)

    def _jwt(self, form: Mapping[str, str], incoming: Incoming) -> None:
        import jwt

        try:
            options: Any = {"verify_aud": False, "require": ["exp"]}
            claims = jwt.decode(form.get("assertion", ""), self._public_key(), algorithms=["RS256"], options=options)
        except jwt.InvalidTokenError as error:
            raise RefusedLoginError("invalid_grant", f"invalid assertion: {error}") from error
        if claims.get("iss") != CONSUMER_KEY:
            raise RefusedLoginError("invalid_client_id", "client identifier invalid")
        if claims.get("sub") != USERNAME:
            raise RefusedLoginError("invalid_grant", "user hasn't approved this consumer")
        if not str(claims.get("aud", "")).endswith(".salesforce.com"):
            raise RefusedLoginError("invalid_grant", "audience is invalid")

    def _soap(self, incoming: Incoming) -> Outgoing:
        try:
            tree = ElementTree.fromstring(incoming.content)  # noqa: S314 - from a client on this machine
        except (ElementTree.ParseError, ValueError, LookupError) as error:  # the latter two come from encodings
            return _fault("sf:INVALID_SOAP", str(error))
        found = {element.tag.rpartition("}")[2]: (element.text or "").strip() for element in tree.iter()}
        password = PASSWORD if "organizationId" in found else PASSWORD + SECURITY_TOKEN
        if found.get("organizationId", ORGANIZATION) not in (ORGANIZATION, ORGANIZATION[:15]):
            return _fault("INVALID_ORG_ID", "The organization id is unknown.")
        if (found.get("username"), found.get("password")) != (USERNAME, password):
            return _fault("INVALID_LOGIN", "Invalid username, password, security token; or user locked out.")
        url = f"{root_of(incoming)}/services/Soap/u/{incoming.path['version']}/{ORGANIZATION[:15]}"
        result = f"<serverUrl>{escape(url)}</serverUrl><sessionId>{self._sessions.issue()}</sessionId>"
        body = f"<loginResponse><result>{result}</result></loginResponse>"
        return Outgoing(content=_ENVELOPE.format(body).encode(), content_type="text/xml; charset=UTF-8")


def _check_app(key: str | None, secret: str | None) -> None:
    if key != CONSUMER_KEY:
        raise RefusedLoginError("invalid_client_id", "client identifier invalid")
    if secret != CONSUMER_SECRET:
        raise RefusedLoginError("invalid_client", "invalid client credentials")


def _token_reply(token: str, root: str) -> dict[str, str]:
    """https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_username_password_flow.htm"""
    identity, issued = f"{root}/id/{ORGANIZATION}/{USER}", str(int(time.time() * 1000))
    signature = hmac.digest(CONSUMER_SECRET.encode(), (identity + issued).encode(), "sha256")
    return {
        "access_token": token,
        "instance_url": root,
        "token_type": "Bearer",
        "id": identity,
        "issued_at": issued,
        "signature": b64encode(signature).decode(),
        "scope": "id api wave_api",
    }


def root_of(incoming: Incoming) -> str:
    """The root URL under which the client reaches the emulator."""
    return f"http://{incoming.headers.get('host') or NAME}"


def _fault(code: str, message: str) -> Outgoing:
    body = (
        f"<soapenv:Fault><faultcode>{code}</faultcode><faultstring>{code}: {escape(message)}</faultstring><detail><sf:LoginFault>"
        f"<sf:exceptionCode>{code}</sf:exceptionCode><sf:exceptionMessage>{escape(message)}</sf:exceptionMessage>"
        "</sf:LoginFault></detail></soapenv:Fault>"
    )
    return Outgoing(status=500, content=_ENVELOPE.format(body).encode(), content_type="text/xml; charset=UTF-8")
