"""Tokens: the emulator's service account, the OAuth endpoint that issues tokens for it, and the check of tokens.

Tokens expire by the machine's time and not by the emulator's clock, because the clients that renew them use the machine's time.

Sources: https://developers.google.com/identity/protocols/oauth2/service-account ,
https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from google.auth import jwt

from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.emulator.dataflow.values import duration_of, stamp
from airflow_dataflow_ext.emulator.http.errors import ApiError, invalid, short
from airflow_dataflow_ext.emulator.http.router import Incoming, Outgoing, as_json, google_refusal

PROJECT = "emulated-project"
REFRESH_TOKEN = "emulated-refresh-token"  # noqa: S105 - not a secret, because only the emulator accepts it
_EMAIL = f"emulator@{PROJECT}.iam.gserviceaccount.com"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
MODES = ("optional", "required", "off")
LONGEST = 43_200
"""Longest lifetime of an impersonated account's token, in seconds."""
_KEY_FILE = "service-account.json"


@cache
def _new_key() -> tuple[str, str]:
    """A private key and its id; one per process, because generating it is slow."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode(), secrets.token_hex(20)


@cache
def _public_key(private_key: str) -> bytes:
    """The public key of a private key, cached because reading the private key checks it, which is slow."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(private_key.encode(), None).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _write_secret(file: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as open_file:
        open_file.write(text)


class ServiceAccount:
    """The account that clients of the emulator use. Its key is kept in the data directory, so that connections work after a restart."""

    def __init__(self, data: Path | None = None) -> None:
        self._file = data / _KEY_FILE if data else None
        self._private: tuple[str, str] | None = None

    def key(self, url: str) -> dict[str, str]:
        """The content of a service account key file, with the emulator's token endpoint."""
        private, key_id = self._load()
        return {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": key_id,
            "private_key": private,
            "client_email": _EMAIL,
            "client_id": "100000000000000000001",
            "auth_uri": f"{url}/auth",
            "token_uri": f"{url}/token",
            "universe_domain": "googleapis.com",
        }

    def write_key(self, url: str, file: Path) -> None:
        """Write the key file for Google's own clients."""
        _write_secret(file, json.dumps(self.key(url)))

    def verify(self, token: str) -> Mapping[str, Any]:
        """The claims of a JWT that this account has signed.

        :raises ValueError: it has another signature, or has expired.
        """
        try:
            claims: Mapping[str, Any] = jwt.decode(token, certs=self.public_key())
        except Exception as error:  # any error of the library for an invalid JWT
            raise ValueError(str(error)) from error
        if claims.get("iss") != _EMAIL:
            raise ValueError(f"the issuer {short(claims.get('iss'))} is not {_EMAIL}")
        return claims

    def public_key(self) -> bytes:
        """The public key as PEM text."""
        return _public_key(self._load()[0])

    def _load(self) -> tuple[str, str]:
        if self._private is None:
            self._private = self._read_or_make()
        return self._private

    def _read_or_make(self) -> tuple[str, str]:
        if self._file is not None and self._file.exists():
            try:
                kept = json.loads(self._file.read_text("utf-8"))
                _public_key(kept["private_key"])
                return kept["private_key"], kept["private_key_id"]
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                raise ValueError(f"{self._file} holds no key of the emulator ({error}); without the file, a new key is made.") from error
        private, key_id = _new_key()
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            _write_secret(self._file, json.dumps({"private_key": private, "private_key_id": key_id}))
        return private, key_id


class IssuedTokens:
    """The issued bearer tokens, and when each expires.

    :param auth: with ``required`` every call needs a valid token, with ``optional`` a call may also have none, with ``off`` nothing is
        checked.
    :param lifetime: seconds for which a new token is valid.
    """

    def __init__(self, account: ServiceAccount, *, auth: str = "optional", lifetime: int = 3600) -> None:
        if auth not in MODES:
            raise ValueError(f"auth must be one of {', '.join(MODES)}, not {auth!r}")
        self.lifetime = lifetime
        self._account = account
        self._auth = auth
        self._good_until: dict[str, float] = {}

    def issue(self, lifetime: float | None = None) -> str:
        token = f"ya29.emulated-{secrets.token_urlsafe(24)}"
        self._good_until[token] = time.time() + (self.lifetime if lifetime is None else lifetime)
        return token

    def expire(self) -> int:
        """Invalidate all issued tokens; returns how many there were."""
        ended = len(self._good_until)
        self._good_until.clear()
        return ended

    def letting_in(self) -> IssuedTokens:
        """The same tokens for a service that also accepts calls without one, even with ``required``."""
        other = IssuedTokens(self._account, auth="off" if self._auth == "off" else "optional", lifetime=self.lifetime)
        other._good_until = self._good_until
        return other

    def check(self, incoming: Incoming) -> None:
        """
        :raises ApiError: 401.
        """
        if self._auth == "off":
            return
        given = (incoming.token(), incoming.query.get("access_token"), incoming.query.get("oauth_token"))
        token = next((text for text in given if text is not None), None)
        if not (self._auth == "optional" if token is None else self._is_good(token)):
            raise ApiError(401, "Request had invalid authentication credentials. Expected an OAuth 2 access token that is still valid.")

    def _is_good(self, token: str) -> bool:
        until = self._good_until.get(token)
        if until is not None:
            return time.time() < until
        try:  # a service account may also send a JWT that it has signed instead of a token
            self._account.verify(token)
        except ValueError:
            return False
        return True


Grant = Callable[[Mapping[str, str]], None]


class OAuthService:
    """The token endpoint, and the impersonation method of IAM Credentials."""

    prefix = "token"
    any_case = False
    token = Method(id="oauth.token", verb="POST", path="token", reply="Token", repeatable=True)
    impersonate = Method(
        id="iam.generateAccessToken",
        verb="POST",
        path="v1/projects/{projectId}/serviceAccounts/{email}:generateAccessToken",
        reply="GenerateAccessTokenResponse",
        repeatable=True,
    )

    def __init__(self, account: ServiceAccount, tokens: IssuedTokens) -> None:
        self._account = account
        self._tokens = tokens
        self._grants: dict[str, Grant] = {_JWT_GRANT: self._jwt, "refresh_token": self._refresh}

    def methods(self) -> Iterable[Method]:
        return (self.token, self.impersonate)

    def answer(self, incoming: Incoming) -> Outgoing:
        return self._impersonate(incoming) if incoming.method is self.impersonate else self._token(incoming)

    def refuse(self, error: ApiError) -> Outgoing:
        return google_refusal(error)

    def job_name(self, incoming: Incoming) -> str:
        """Empty: these calls are not about jobs."""
        return ""

    def _token(self, incoming: Incoming) -> Outgoing:
        form = dict(parse_qsl(incoming.content.decode("utf-8", "replace")))
        grant = self._grants.get(form.get("grant_type", ""))
        if grant is None:
            return _oauth_error("unsupported_grant_type", f"Invalid grant_type: {short(form.get('grant_type', ''))}")
        try:
            grant(form)
        except ValueError as error:
            return _oauth_error("invalid_grant", f"Invalid JWT: {error}")
        return as_json({"access_token": self._tokens.issue(), "expires_in": self._tokens.lifetime, "token_type": "Bearer"})

    def _jwt(self, form: Mapping[str, str]) -> None:
        claims = self._account.verify(form.get("assertion", ""))
        if not str(claims.get("aud", "")).endswith("/token"):
            raise ValueError(f"the audience {short(claims.get('aud'))} is not this token endpoint")

    def _refresh(self, form: Mapping[str, str]) -> None:
        if form.get("refresh_token") != REFRESH_TOKEN:
            raise ValueError("unknown refresh token")

    def _impersonate(self, incoming: Incoming) -> Outgoing:
        self._tokens.check(incoming)
        asked = incoming.json()
        if not isinstance(asked, dict) or not isinstance(asked.get("scope"), list) or not asked["scope"]:
            raise invalid("scope must be given as a list of strings")
        try:
            lifetime = duration_of(asked.get("lifetime", "3600s"))
        except (ValueError, TypeError) as error:
            raise invalid(f"Invalid value at 'lifetime': {error}") from error
        if not 0 < lifetime <= LONGEST:
            raise invalid(f"lifetime must be more than 0 s and at most {LONGEST} s; it is {lifetime:g} s")
        until = stamp(int(time.time() + lifetime)).replace(".000000", "")  # google-auth reads whole seconds only
        return as_json({"accessToken": self._tokens.issue(lifetime), "expireTime": until})


def _oauth_error(error: str, description: str) -> Outgoing:
    return as_json({"error": error, "error_description": description}, 400)
