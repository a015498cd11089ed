"""What this package needs only for one of its services, and what is said where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec


def require_salesforce(module: str) -> None:
    """Refuse to import a module for CRM Analytics where the Salesforce provider is not installed; looks, and imports nothing.

    :param module: the module's name.
    :raises ImportError: it is not installed.
    """
    if find_spec("airflow.providers.salesforce") is None:
        raise ImportError(
            f"{module} needs the Salesforce provider, which is not installed: pip install 'airflow-dataflow-ext[salesforce]'", name=module
        )
