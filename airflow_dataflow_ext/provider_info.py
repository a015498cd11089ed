"""What Airflow reads about this package when it looks for providers."""

from __future__ import annotations

from typing import Any

DATAFLOW, WAVE = "Google Cloud Dataflow", "Salesforce CRM Analytics"
MODULES: dict[str, dict[str, tuple[str, ...]]] = {
    # kind -> service -> modules
    "hooks": {DATAFLOW: ("dataflow",), WAVE: ("wave",)},
    "operators": {DATAFLOW: ("dataflow",), WAVE: ("wave",)},
    "sensors": {DATAFLOW: ("dataflow",), WAVE: ("wave",)},
    "triggers": {
        DATAFLOW: ("dataflow", "dataflow_actions", "dataflow_events", "dataflow_start", "dataflow_waits"),
        WAVE: ("wave", "wave_start"),
    },
}

CONFIG = {
    "airflow_dataflow_ext": {
        "description": "Options of the pages that show jobs in Airflow's UI.",
        "options": {
            "ui_live": {
                "description": "Whether the API server may call Dataflow and CRM Analytics with the tasks' connections, to show "
                "jobs as they are now and to stop them. Without it the pages show what the tasks have stored.",
                "type": "boolean",
                "version_added": None,
                "example": None,
                "default": "True",
            }
        },
    }
}

LINKS = ("data_pipelines.DataflowPipelineLink", "dataflow.DataflowJobLink", "wave.WaveDataManagerLink")

DECORATORS = ("dataflow_yaml", "dataflow_flex")


def get_provider_info() -> dict[str, Any]:
    """The provider's row, in the form of Airflow's ``provider_info.schema.json``.

    It has no ``connection-types`` key: the package uses the connection types ``google_cloud_platform`` and ``salesforce``, and a second
    registration would take these over from the packages that own them.

    See https://airflow.apache.org/docs/apache-airflow-providers/howto/create-custom-providers.html
    """
    return {
        "package-name": "airflow-dataflow-ext",
        "name": "Dataflow extension",
        "description": "Dataflow jobs and CRM Analytics runs, launched once and waited for together.",
        "integrations": [
            {
                "integration-name": DATAFLOW,
                "external-doc-url": "https://cloud.google.com/dataflow/docs",
                "tags": ["gcp", "service"],
            },
            {
                "integration-name": WAVE,
                "external-doc-url": "https://developer.salesforce.com/docs/atlas.en-us.bi_dev_guide_rest.meta/bi_dev_guide_rest/",
                "tags": ["service"],
            },
        ],
        **{
            kind: [
                {"integration-name": service, "python-modules": [f"airflow_dataflow_ext.{kind}.{name}" for name in names]}
                for service, names in services.items()
            ]
            for kind, services in MODULES.items()
        },
        "config": CONFIG,
        "notifications": ["airflow_dataflow_ext.notifications.JobFailedNotifier"],
        "task-decorators": [{"name": name, "class-name": f"airflow_dataflow_ext.decorators.dataflow.{name}_task"} for name in DECORATORS],
        "extra-links": [f"airflow_dataflow_ext.links.{name}" for name in LINKS],
    }
