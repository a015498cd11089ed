"""Reads the credentials of a connection of type ``google_cloud_platform``, as the Google provider reads it.

Importing the provider's hook takes longer than everything else that a task does, since it imports clients of several services. So this
module reads the common kinds of credentials itself and leaves the others to the provider.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from google.auth.exceptions import DefaultCredentialsError

from airflow_dataflow_ext.api.rest.arguments import given
from airflow_dataflow_ext.api.rest.errors import InvalidInputError, NotAuthenticatedError
from airflow_dataflow_ext.api.rest.texts import plain, shown
from airflow_dataflow_ext.api.rest.values import flag, sequence
from airflow_dataflow_ext.hooks.connections import extras_of
from airflow_dataflow_ext.task.compat import AirflowException

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateNumbers
    from google.auth.credentials import Credentials

KEY_FIELDS = ("key_path", "keyfile_dict", "credential_config_file")
"""Fields of a connection that hold a key or its path."""

OTHER_SOURCES = ("key_secret_name", "idp_issuer_url", "is_anonymous")
"""Fields that name another source of credentials, or none."""

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
"""Scope of a token unless the connection's extra ``scope`` names others."""

PROJECT_ID = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
"""https://cloud.google.com/resource-manager/docs/creating-managing-projects"""

Found = tuple["Credentials", str | None]


class GoogleConnection(BaseHook):
    """A connection of type ``google_cloud_platform``; its fields mean the same as for the Google provider's hooks.

    https://airflow.apache.org/docs/apache-airflow-providers-google/stable/connections/gcp.html

    :param gcp_conn_id: the connection.
    :param impersonation_chain: service account to impersonate, or a chain of accounts that ends with it; the connection's by default.
    :param quota_project_id: project whose quota is used; the connection's or the key's by default.
    """

    def __init__(
        self,
        gcp_conn_id: str = "google_cloud_default",
        impersonation_chain: str | Sequence[str] | None = None,
        *,
        quota_project_id: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.gcp_conn_id = gcp_conn_id
        self._extras = extras_of(gcp_conn_id)
        self.impersonation_chain = _chain(impersonation_chain) or _chain(self._get_field("impersonation_chain"))
        self.quota_project_id = quota_project_id or self._get_field("quota_project_id")
        self._found: Found | None = None

    @property
    def project_id(self) -> str | None:
        """The connection's project, else that of the credentials."""
        return self.get_credentials_and_project_id()[1] or None

    def get_credentials(self) -> Credentials:
        """The credentials; see :meth:`get_credentials_and_project_id`."""
        return self.get_credentials_and_project_id()[0]

    def get_credentials_and_project_id(self) -> Found:
        """The credentials and the project, read once.

        :raises InvalidInputError: a field of the connection is wrong, or its key is missing or damaged.
        :raises NotAuthenticatedError: the connection has no key, and this machine has no default credentials.
        """
        if self._found is None:
            try:
                credentials, project = self._read()
            except InvalidInputError:
                raise
            except (AirflowException, DefaultCredentialsError, OSError, KeyError, TypeError, ValueError) as error:
                for field in KEY_FIELDS:
                    if self._get_field(field):
                        raise InvalidInputError(f"{field} of {self._whose} gives no credentials: {plain(error)}") from error
                if isinstance(error, DefaultCredentialsError):
                    raise NotAuthenticatedError(f"{self._whose} has no key ({', '.join(KEY_FIELDS)}): {error}", sent=False) from error
                raise
            self._found = self._with_quota(credentials), self._get_field("project") or project
        return self._found

    @property
    def _whose(self) -> str:
        return f"connection {self.gcp_conn_id!r}"

    def _get_field(self, name: str) -> Any:
        """A field of the connection, or None if it is empty; old connections store it under a longer name."""
        return self._extras.get(name, self._extras.get(f"extra__google_cloud_platform__{name}"))

    @property
    def _is_anonymous(self) -> bool:
        return flag(self._get_field("is_anonymous") or False, f"is_anonymous of {self._whose}")

    def _read(self) -> Found:
        sources = [name for name in (*KEY_FIELDS, *OTHER_SOURCES) if self._get_field(name)]
        if not self._is_anonymous and "is_anonymous" in sources:
            sources.remove("is_anonymous")
        scope = self._get_field("scope") or SCOPE
        scopes = [each.strip() for each in (scope.split(",") if isinstance(scope, str) else scope) if each.strip()]
        if not sources:
            from google.auth import default

            return self._impersonated(*default(scopes=scopes), scopes)
        if sources == ["is_anonymous"]:
            from google.auth.credentials import AnonymousCredentials

            return AnonymousCredentials(), ""
        if sources == ["keyfile_dict"]:
            key = self._get_field("keyfile_dict")
            return self._impersonated(*_of_key(key if isinstance(key, dict) else json.loads(key), scopes), scopes)
        if sources == ["key_path"] and str(self._get_field("key_path")).endswith(".json"):
            return self._impersonated(*_of_key(json.loads(Path(self._get_field("key_path")).read_text("utf-8")), scopes), scopes)
        from airflow.providers.google.common.hooks.base_google import GoogleBaseHook

        return GoogleBaseHook(self.gcp_conn_id, self.impersonation_chain).get_credentials_and_project_id()

    def _impersonated(self, credentials: Credentials, project: str | None, scopes: list[str]) -> Found:
        """The credentials of the chain's last account, and its project; without a chain, the arguments."""
        chain = self.impersonation_chain
        if not chain:
            return credentials, project
        from google.auth.impersonated_credentials import Credentials as Impersonated

        target, delegates = (chain, ()) if isinstance(chain, str) else (chain[-1], chain[:-1])
        for account in (*delegates, target):
            if not isinstance(account, str) or not account.partition("@")[2]:
                whose = f"impersonation_chain of the task, or of {self._whose},"
                raise InvalidInputError(f"{whose} must name service accounts by their e-mail, not {shown(account)}")
        domain = target.partition("@")[2]
        made = Impersonated(source_credentials=credentials, target_principal=target, delegates=delegates or None, target_scopes=scopes)
        return made, domain.partition(".")[0]

    def _with_quota(self, credentials: Credentials) -> Credentials:
        project = self.quota_project_id
        if not project or self._is_anonymous:
            return credentials
        if not re.fullmatch(PROJECT_ID, str(project)):
            raise InvalidInputError(f"quota_project_id of {self._whose} must be a project's id, not {shown(project)}")
        if not hasattr(credentials, "with_quota_project"):
            raise InvalidInputError(f"quota_project_id of {self._whose} does not go with its key, whose kind knows no such project")
        return credentials.with_quota_project(project)  # type: ignore[no-any-return]


def _of_key(content: Any, scopes: list[str]) -> Found:
    """The credentials of a service account's key.

    Loading a key normally runs OpenSSL's primality tests, which take longer than the rest of a launch. They guard against a stranger's key;
    this one is the connection's own, so it is enough that its numbers belong together.

    :raises ValueError: the key lacks a field, or is damaged.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from google.auth.credentials import DEFAULT_UNIVERSE_DOMAIN
    from google.auth.crypt import RSASigner
    from google.oauth2.service_account import Credentials as ServiceAccount

    key = {**content}
    if missing := [name for name in ("client_email", "private_key", "token_uri") if not (key.get(name) and isinstance(key[name], str))]:
        raise ValueError(f"it is not a service account key: it lacks {', '.join(missing)}")
    pem = key["private_key"].replace("\\n", "\n").encode()
    private = load_pem_private_key(pem, password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(private, RSAPrivateKey):
        raise ValueError("its private_key is not an RSA key")
    if not _belong_together(private.private_numbers()):
        raise ValueError("its private_key is damaged: its numbers do not belong together")
    signer = RSASigner(private, key.get("private_key_id"))
    universe = key.get("universe_domain", DEFAULT_UNIVERSE_DOMAIN)
    made = ServiceAccount(
        signer, key["client_email"], key["token_uri"], scopes=scopes, project_id=key.get("project_id"), universe_domain=universe
    )
    return made, made.project_id


def _belong_together(key: RSAPrivateNumbers) -> bool:
    """Whether these are the numbers of one RSA key, if its primes are primes: https://datatracker.ietf.org/doc/html/rfc8017#section-3.2."""
    if not (key.p > 1 and key.q > 1 and key.p * key.q == key.public_numbers.n and key.q * key.iqmp % key.p == 1):
        return False
    exponents = ((key.p - 1, key.dmp1), (key.q - 1, key.dmq1))
    return all(key.d % less_one == exponent and key.public_numbers.e * exponent % less_one == 1 for less_one, exponent in exponents)


def _chain(given_chain: Any) -> Any:
    """An account, or a chain of accounts, which may come as text from the connection's form or a template; None if there is none."""
    chain = given(given_chain)
    if not isinstance(chain, str) or chain.startswith("["):
        return sequence(chain, "impersonation_chain") or None
    return [account.strip() for account in chain.split(",")] if "," in chain else chain
