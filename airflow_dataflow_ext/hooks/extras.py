"""Checks for the optional dependencies of one service."""

from __future__ import annotations

from importlib.util import find_spec


def require_salesforce(module: str) -> None:
    """Check that the Salesforce provider is installed, without importing it.

    :param module: name of the module that needs it.
    :raises ImportError: it is not installed.
    """
    if find_spec("airflow.providers.salesforce") is None:
        raise ImportError(
            f"{module} needs the Salesforce provider, which is not installed: pip install 'airflow-dataflow-ext[salesforce]'", name=module
        )
