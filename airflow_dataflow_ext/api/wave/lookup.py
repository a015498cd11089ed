"""Looks up the dataflow id that a start needs, by the name, label or id of a dataflow or a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_dataflow_ext.api.rest import budgets
from airflow_dataflow_ext.api.rest.arguments import needed, only_given
from airflow_dataflow_ext.api.rest.ask import ask, items, pages
from airflow_dataflow_ext.api.rest.errors import InvalidInputError
from airflow_dataflow_ext.api.rest.texts import near, shown
from airflow_dataflow_ext.api.wave import methods as wave

if TYPE_CHECKING:
    from airflow_dataflow_ext.api.rest.method import Json, Request
    from airflow_dataflow_ext.api.rest.steps import Conversation


def source_id(version: str, *, dataflow: str | None = None, recipe: str | None = None) -> Conversation[str]:
    """The id of a dataflow, or of the dataflow that runs a recipe.

    :raises InvalidInputError: neither or both are given, or the org has none of that name.
    """
    if only_given(dataflow=dataflow, recipe=recipe) == "dataflow":
        return (yield from dataflow_id(version, dataflow))
    return (yield from recipe_dataflow_id(version, recipe))


def dataflow_id(version: str, dataflow: str | None, *, retry_for: float = budgets.RETRY_FOR) -> Conversation[str]:
    """The id of a dataflow.

    :param dataflow: its id (02K...), name or label.
    :raises InvalidInputError: it is not given, or there is none of that name, or more than one.
    """
    dataflow = needed(dataflow, "dataflow")
    if wave.is_id(dataflow, wave.PREFIXES["dataflow"]):
        return wave.full_id(dataflow)
    bodies = yield from pages(wave.call(wave.Dataflow.list, version), retry_for=retry_for)
    return wave.full_id(str(_only("dataflow", dataflow, list(items(bodies, "dataflows"))).get("id")))


def recipe_dataflow_id(version: str, recipe: str | None, *, retry_for: float = budgets.RETRY_FOR) -> Conversation[str]:
    """The id of the dataflow that runs a recipe.

    :param recipe: its id (05v...), name or label.
    :raises InvalidInputError: it is not given, there is none of that name, or more than one, or the recipe has never been made ready to
        run.
    """
    recipe = needed(recipe, "recipe")
    if wave.is_id(recipe, wave.PREFIXES["recipe"]):
        found: Json = yield from ask(recipe_request(version, recipe), retry_for=retry_for)
    else:
        bodies = yield from pages(wave.call(wave.Recipe.list, version), retry_for=retry_for)
        found = _only("recipe", recipe, list(items(bodies, "recipes")))
    target = found.get("targetDataflowId")
    if not target:
        raise InvalidInputError(f"recipe {shown(recipe)} has no target dataflow, so it cannot be started; save it in Data Prep once")
    return wave.full_id(str(target))


def recipe_request(version: str, recipe_id: str) -> Request:
    """The request that reads a recipe; it names the format, without which the service does not show recipes of Data Prep."""
    shown = "R3" if wave.knows(wave.Recipe.get, version, "format") else None
    return wave.call(wave.Recipe.get, version, recipeId=recipe_id, format=shown)


def _only(kind: str, text: str, assets: Sequence[Json]) -> Json:
    """The only asset with this name or, if there is none, with this label."""
    for field in ("name", "label"):
        found = [asset for asset in assets if asset.get(field) == text]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(str(asset.get("id")) for asset in found)
            raise InvalidInputError(f"{len(found)} {kind}s have the {field} {shown(text)}; give the id of one: {ids}")
    known = [str(asset[field]) for asset in assets for field in ("name", "label") if asset.get(field)]
    meant = near(text, known)
    hint = f"did you mean {shown(meant)}?" if meant else "check the spelling, and who may see it"
    if other := wave.kind_of(text):
        hint = f"it is the id of a {other}"
    raise InvalidInputError(f"the org shows no {kind} of the name or label {shown(text)}; {hint}")
