"""What Airflow reads about this package when it looks for providers."""

from __future__ import annotations

from typing import Any

DATAFLOW = "Google Cloud Dataflow"
KINDS = ("hooks", "operators", "sensors", "triggers")


def get_provider_info() -> dict[str, Any]:
    """The provider's row, in the form of Airflow's ``provider_info.schema.json``.

    There is no ``connection-types`` key: the connections are of the types ``google_cloud_platform`` and ``salesforce``, and a second
    registration would take those types over from the packages that own them.

    See https://airflow.apache.org/docs/apache-airflow-providers/howto/create-custom-providers.html
    """
    return {
        "package-name": "airflow-dataflow-ext",
        "name": "Dataflow extension",
        "description": "Dataflow jobs from templates, launched once and waited for together.",
        "integrations": [
            {
                "integration-name": DATAFLOW,
                "external-doc-url": "https://cloud.google.com/dataflow/docs",
                "tags": ["gcp", "service"],
            }
        ],
        **{kind: [{"integration-name": DATAFLOW, "python-modules": [f"airflow_dataflow_ext.{kind}.dataflow"]}] for kind in KINDS},
        "extra-links": ["airflow_dataflow_ext.links.dataflow.DataflowJobLink"],
    }
