"""Tests of what a connection's fields become: the same as the Google provider's own hook makes of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth import iam

from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.emulator import Emulator
from airflow_dataflow_ext.emulator.google.oauth import PROJECT
from airflow_dataflow_ext.hooks.credentials import GoogleConnection
from tests.hooks.conftest import CONNECTION, Use

Connect = Callable[..., None]
CHAIN = ["first@a.iam.gserviceaccount.com", "second@b.iam.gserviceaccount.com", "target@c-project.iam.gserviceaccount.com"]
PREFIX = "extra__google_cloud_platform__"
IDP = {"idp_issuer_url": "https://idp.example.com/token", "client_id": "me", "client_secret": "secret"}
FEDERATION = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/locations/global/workforcePools/pool/providers/p",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "https://sts.googleapis.com/v1/token",
}


@pytest.fixture
def key(emulator: Emulator) -> dict[str, Any]:
    return emulator.service_account_key()


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Makes the default connection of these fields alone."""

    def only(**extra: Any) -> None:
        monkeypatch.setenv(CONNECTION, json.dumps({"conn_type": "google_cloud_platform", "extra": extra}))

    return only


def told(credentials: Any) -> dict[str, Any]:
    """All that credentials are made of, but for the objects in it."""
    found: dict[str, Any] = {"type": type(credentials)}
    for name, value in vars(credentials).items():
        if name in ("_source_credentials", "_signer"):
            found[name] = told(value)
        elif isinstance(value, list | tuple):
            found[name] = list(value)
        elif value is None or isinstance(value, str | int | bool | dict):
            found[name] = value
    return found


def both(**arguments: Any) -> tuple[Any, Any]:
    """Credentials and project as this package finds them, and as the provider does."""
    from airflow.providers.google.common.hooks.base_google import GoogleBaseHook

    ours, theirs = (hook(**arguments).get_credentials_and_project_id() for hook in (GoogleConnection, GoogleBaseHook))
    return (told(ours[0]), ours[1]), (told(theirs[0]), theirs[1])


@pytest.mark.filterwarnings("ignore:The load_credentials_from:DeprecationWarning")
@pytest.mark.parametrize("source", ["path", "dict", "text", "escaped", "config", "federated", "default", "anonymous", "idp"])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"project": "another-project"},
        {f"{PREFIX}project": "an-old-project"},
        {"project": "", f"{PREFIX}project": "not-this-one"},
        {"scope": "https://www.googleapis.com/auth/a, https://www.googleapis.com/auth/b"},
        {"quota_project_id": "who-pays"},
        {"impersonation_chain": CHAIN[-1]},
        {"impersonation_chain": ", ".join(CHAIN), "scope": "https://www.googleapis.com/auth/a"},
        {"impersonation_chain": CHAIN, "quota_project_id": "who-pays"},
        {"num_retries": 3},
    ],
    ids=lambda fields: "+".join(fields) or "no more",
)
def test_a_connection_gives_what_the_provider_makes_of_it(
    only: Connect, key: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, fields: dict[str, Any]
) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(key))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    sources: dict[str, dict[str, Any]] = {
        "path": {"key_path": str(file)},
        "dict": {"keyfile_dict": key},
        "text": {"keyfile_dict": json.dumps(key)},
        "escaped": {f"{PREFIX}keyfile_dict": {**key, "private_key": key["private_key"].replace("\n", "\\n")}},
        "config": {"credential_config_file": str(file)},
        "federated": {
            "credential_config_file": json.dumps({**FEDERATION, "credential_source": {"file": "/nowhere/token"}}),
            "project": "a-project",
        },
        "default": {},
        "anonymous": {"is_anonymous": True},
        "idp": {"credential_config_file": FEDERATION, **IDP, "project": "a-project"},
    }
    only(**{**sources[source], **fields})
    ours, theirs = both()
    assert ours == theirs


@pytest.mark.parametrize(
    "arguments", [{"impersonation_chain": CHAIN[0]}, {"impersonation_chain": CHAIN}, {"quota_project_id": "another-payer"}], ids=str
)
def test_arguments_come_before_fields(only: Connect, key: dict[str, Any], arguments: dict[str, Any]) -> None:
    only(keyfile_dict=key, impersonation_chain=CHAIN[1], quota_project_id="who-pays")
    ours, theirs = both(**arguments)
    assert ours == theirs


@pytest.mark.parametrize("wrong", ["d", "dmp1", "dmq1", "iqmp", "kind"])
def test_a_key_whose_numbers_do_not_belong_together_is_damaged(only: Connect, key: dict[str, Any], wrong: str) -> None:
    good = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_numbers()
    numbers = {name: getattr(good, name) - 2 * (name == wrong) for name in ("p", "q", "d", "dmp1", "dmq1", "iqmp")}
    mixed = rsa.RSAPrivateNumbers(**numbers, public_numbers=good.public_numbers).private_key(unsafe_skip_rsa_key_validation=True)
    made = ec.generate_private_key(ec.SECP256R1()) if wrong == "kind" else mixed
    only(keyfile_dict={**key, "private_key": made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()})
    said = "is not an RSA key" if wrong == "kind" else "is damaged"
    with pytest.raises(InvalidInputError, match=rf"^keyfile_dict of connection '\w+' gives no credentials: its private_key {said}"):
        GoogleConnection().get_credentials()


@pytest.mark.parametrize(
    ("rendered", "meant"), [("None", None), ("", None), (str(CHAIN), CHAIN), (", ".join(CHAIN), CHAIN), (CHAIN[0], CHAIN[0])], ids=str
)
def test_a_chain_of_accounts_may_be_the_text_that_a_template_renders_to(
    only: Connect, key: dict[str, Any], rendered: str, meant: Any
) -> None:
    only(keyfile_dict=key)
    assert GoogleConnection(impersonation_chain=rendered).impersonation_chain == meant


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        (
            [None],
            "impersonation_chain of the task, or of connection 'google_cloud_default', must name service accounts by their",
        ),
        (["nobody", CHAIN[0]], "must name service accounts by their e-mail, not 'nobody'"),
        (f"{CHAIN[0]},", "must name service accounts by their e-mail, not ''"),
        ({CHAIN[0]}, "impersonation_chain must be a list, not set"),
        (5, "impersonation_chain must be a list, not int 5"),
    ],
    ids=str,
)
def test_a_wrong_chain_is_not_taken_for_a_wrong_key(only: Connect, key: dict[str, Any], chain: Any, said: str) -> None:
    only(keyfile_dict=key)
    with pytest.raises(InvalidInputError) as wrong:
        GoogleConnection(impersonation_chain=chain).get_credentials()
    assert said in str(wrong.value)
    assert "keyfile_dict" not in str(wrong.value)


def test_a_key_in_secret_manager_is_left_to_the_provider(only: Connect, key: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    from airflow.providers.google.cloud._internal_client.secret_manager_client import _SecretManagerClient

    monkeypatch.setattr(_SecretManagerClient, "get_secret", lambda *_, **__: json.dumps(key))
    file = tmp_path / "key.json"
    file.write_text(json.dumps(key))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    only(key_secret_name="the-key", key_secret_project_id="vault")
    ours, theirs = both()
    assert ours == theirs
    assert ours[1] == PROJECT


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"key_path": "key.p12"}, "key_path of connection 'google_cloud_default' gives no credentials: Legacy P12"),
        (
            {"key_path": "a.json", "keyfile_dict": '{"a": 1}'},
            "key_path of connection 'google_cloud_default' gives no credentials: The `keyfile_dict`",
        ),
        ({"keyfile_dict": "[]"}, "keyfile_dict of connection 'google_cloud_default' gives no credentials"),
        (
            {"quota_project_id": "No Project"},
            "quota_project_id of connection 'google_cloud_default' must be a project's id, not 'No Project'",
        ),
        (
            {"impersonation_chain": "nobody"},
            "impersonation_chain of the task, or of connection 'google_cloud_default', must name service accounts by",
        ),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_field_is_named(only: Connect, key: dict[str, Any], fields: dict[str, Any], said: str) -> None:
    only(**({} if {"key_path", "keyfile_dict"} & set(fields) else {"keyfile_dict": key}), **fields)
    with pytest.raises(InvalidInputError) as wrong:
        GoogleConnection().get_credentials()
    assert str(wrong.value).startswith(said)


def test_a_chain_of_the_connection_is_used(emulator: Emulator, connect: Connect, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_dataflow_ext.hooks.dataflow import DataflowHook

    monkeypatch.setattr(iam, "_IAM_ENDPOINT", emulator.url + "/v1/projects/-/serviceAccounts/{}:generateAccessToken")
    connect(impersonation_chain=", ".join(CHAIN))
    assert use(DataflowHook().list_jobs) == []
    (entry,) = emulator.requests.of("iam.generateAccessToken")
    assert entry.path.endswith(f"/{CHAIN[-1]}:generateAccessToken")
    assert entry.body["delegates"] == CHAIN[:-1]


CALL = """
import json, sys
import airflow.sdk.execution_time.task_runner
from airflow_dataflow_ext.hooks.dataflow import DataflowHook
DataflowHook().list_jobs()
heavy = ("requests", "aiohttp", "grpc", "google.api_core", "googleapiclient", "airflow.providers.google.common")
print(json.dumps([name for name in heavy if name in sys.modules]))
"""


def test_a_call_with_a_usual_connection_imports_no_client_but_what_the_task_has(emulator: Emulator) -> None:
    environment = {**os.environ, **emulator.connections()}
    done = subprocess.run([sys.executable, "-c", CALL], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []
