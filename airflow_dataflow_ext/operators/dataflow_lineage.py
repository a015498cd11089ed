"""Lineage of a launch: the data that its job reads and writes, for OpenLineage and for Airflow's assets."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow_dataflow_ext.api.rest.errors import DataflowExtError
from airflow_dataflow_ext.api.rest.texts import LONGEST_VALUE, shortened

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.sdk import Context

    from airflow_dataflow_ext.api.dataflow.job import Place
    from airflow_dataflow_ext.api.dataflow.lineage import Lineage
    from airflow_dataflow_ext.api.dataflow.templates import Launch
    from airflow_dataflow_ext.operators.base import Attempt


class TemplateLineage:
    """Lineage of an operator that launches a template.

    OpenLineage receives the inputs and outputs that the template's parameters name. An ``AssetAlias`` in the task's ``outlets``
    receives an Asset for each output when the task succeeds.

    https://openlineage.io/docs/integrations/airflow/
    """

    hook: Any
    log: Any
    outlets: list[Any]
    _attempt: Attempt | None

    @abstractmethod
    def launch(self) -> tuple[Launch, Place]:
        """What is launched, and where."""

    def lineage(self) -> Lineage:
        """What the job reads and writes; empty if that is unknown."""
        from airflow_dataflow_ext.api.dataflow.lineage import Lineage, lineage
        from airflow_dataflow_ext.api.dataflow.template_check import template_info

        try:
            made = self._attempt.launcher if self._attempt is not None else None
            launch, place = (made.launch, made.place) if made is not None else self.launch()
            info = self.hook.run(template_info(launch.template, place))
        except DataflowExtError as error:
            self.log.info("No lineage: %s", error)
            return Lineage()
        return lineage(info, launch.parameters, place.project_id) if info is not None else Lineage()

    def get_openlineage_facets_on_start(self) -> OperatorLineage[Any, Any]:
        """Inputs and outputs; the OpenLineage provider calls this."""
        return self._facets()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Inputs and outputs; the OpenLineage provider calls this."""
        return self._facets()

    def get_openlineage_facets_on_failure(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """Inputs and outputs; the OpenLineage provider calls this."""
        return self._facets()

    def _facets(self) -> OperatorLineage[Any, Any]:
        from airflow.providers.common.compat.openlineage.facet import Dataset
        from airflow.providers.openlineage.extractors import OperatorLineage

        found = self.lineage()
        inputs, outputs = (
            [Dataset(namespace=entry.namespace, name=entry.name) for entry in side] for side in (found.inputs, found.outputs)
        )
        return OperatorLineage(inputs=inputs, outputs=outputs)

    def fill_aliases(self, context: Context) -> None:
        """Add the Assets that the job has written to each ``AssetAlias`` in the task's outlets."""
        from airflow.sdk import Asset, AssetAlias

        aliases = [outlet for outlet in self.outlets if isinstance(outlet, AssetAlias)]
        for entry in self.lineage().outputs if aliases else ():
            try:
                asset = Asset(name=entry.uri, uri=entry.uri)
            except ValueError as error:  # too long for Airflow, or not a URI by the rules of its scheme
                self.log.warning("No asset for %s: %s", shortened(entry.uri, LONGEST_VALUE), error)
                continue
            for alias in aliases:
                context["outlet_events"][alias].add(asset)
