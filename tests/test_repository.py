"""The repository checks itself: its arrows, its sizes, its words, and that every part of it is connected to the others."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

import airflow_dataflow_ext
from airflow_dataflow_ext.api.data_pipelines.methods import all_methods as pipeline_methods
from airflow_dataflow_ext.api.dataflow.methods import all_methods
from airflow_dataflow_ext.api.dataflow.states import DATAFLOW
from airflow_dataflow_ext.api.jobs.phase import Phase
from airflow_dataflow_ext.api.rest.method import Method
from airflow_dataflow_ext.api.wave.methods import all_methods as wave_methods
from airflow_dataflow_ext.api.wave.states import WAVE
from airflow_dataflow_ext.provider_info import get_provider_info
from tests.airflow_task import needs_3_3

ROOT = Path(__file__).parents[1]
PACKAGE = Path(airflow_dataflow_ext.__path__[0])
MODULES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(module.relative_to(PACKAGE)) for module in MODULES]
LONGEST_MODULE = 300
LONGEST_FUNCTION = 40
SAME, REPEATED = 6, 0.007
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef

MAY_IMPORT: dict[str, set[str]] = {
    # room -> the rooms whose modules its own may import, beside those of its own room; an import for type checkers counts, too
    "": {"api", "exceptions", "hooks", "task"},  # programs, and what is public beside the rooms
    "api": set(),
    "api.rest": set(),
    "api.jobs": {"api.rest"},
    "api.cloud_logging": {"api.rest"},
    "api.dataflow": {"api.rest", "api.jobs", "api.cloud_logging"},
    "api.data_pipelines": {"api.rest", "api.jobs", "api.dataflow"},
    "api.wave": {"api.rest", "api.jobs"},
    "transport": {"api"},
    "hooks": {"api", "transport", "task.compat"},  # which alone knows where Airflow's versions keep their exceptions
    "watch": {"api", "transport"},
    "links": {"api"},
    "task": {"api", "exceptions", "hooks", "links", "transport", "watch"},
    "triggers": {"api", "hooks", "task", "watch"},
    "operators": {"api", "hooks", "task", "triggers"},
    "sensors": {"api", "hooks", "task", "triggers"},
    "decorators": {"api", "operators", "task"},
    "plugin": {"api", "hooks", "links", "task"},
    "emulator": {
        "api.rest",
        "api.cloud_logging.methods",
        "api.data_pipelines.methods",
        "api.dataflow.methods",
        "api.dataflow.states",
        "api.wave.methods",
        "api.wave.states",
    },
}
"""The emulator shares what the services say of themselves, and nothing that could make it judge the package by itself."""

HEAVY = (
    "requests",
    "google.auth",
    "aiohttp",
    "airflow.providers.google.common.hooks.base_google",
    "simple_salesforce",
    "apache_beam",
    "googleapiclient",
)
STATED_GAPS: set[Method] = set()
"""Ids of methods that the emulator does not answer."""


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text("utf-8"))


def room(module: Path) -> str:
    """The folder whose rule a module keeps; the api has several."""
    parts = module.relative_to(PACKAGE).parts[:-1]
    return ".".join(parts[: 2 if parts[:1] == ("api",) else 1])


def imported(module: Path) -> Iterator[str]:
    """Every module that is imported anywhere in it, also inside functions and for type checkers."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level:
            assert node.level < len(module.relative_to(PACKAGE).parts), f"{module}: a relative import out of its folder"
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def public(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public classes and functions at the top of a module."""
    for node in tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node


def dotted(module: Path) -> str:
    return ".".join(("airflow_dataflow_ext", *module.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def ours(module: Path) -> set[str]:
    """The modules of the package that a module imports, without the package's name."""
    known = {dotted(other) for other in MODULES}
    return {name.partition(".")[2] for name in imported(module) if name in known} - {""}


def within(name: str, rooms: set[str]) -> bool:
    return any(name == allowed or name.startswith(f"{allowed}.") for allowed in rooms)


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_imports_point_one_way(module: Path) -> None:
    allowed = MAY_IMPORT[room(module)] | {room(module) or "provider_info"}
    assert [name for name in ours(module) if not within(name, allowed) and name not in MAY_IMPORT] == []


def test_every_room_has_its_arrows_stated() -> None:
    assert {room(module) for module in MODULES} == set(MAY_IMPORT)


def test_no_import_leads_back_to_where_it_started() -> None:
    arrows = {dotted(module).partition(".")[2]: ours(module) for module in MODULES}
    reached = {name: set(targets) for name, targets in arrows.items()}
    while any(more - reached[name] for name in reached if (more := set().union(*(reached.get(to, set()) for to in reached[name])))):
        for name in reached:
            reached[name] |= set().union(*(reached.get(to, set()) for to in reached[name]))
    assert [name for name in reached if name in reached[name]] == []


def test_a_class_name_exists_once() -> None:
    named = [(node.name, dotted(module)) for module in MODULES for node in ast.walk(tree(module)) if isinstance(node, ast.ClassDef)]
    assert {name: places for name, places in _by_name(named).items() if len(places) > 1} == {}


def test_what_a_module_defines_is_used() -> None:
    """A constant or a function at the top of a module has a reader: another place in the package, a test, or a program."""
    defined = [(name, dotted(module)) for module in MODULES for name in _definitions(module)]
    readers = [tree(file) for file in committed() if file.suffix == ".py"]
    used = {name for reader in readers for node in ast.walk(reader) for name in _uses(node)}
    used |= set(re.findall(r"\w+", json.dumps(get_provider_info())))
    assert [f"{module}.{name}" for name, module in defined if name not in used] == []


def _definitions(module: Path) -> Iterator[str]:
    """The constants and functions at the top of a module; a decorator may use what it decorates."""
    for node in tree(module).body:
        if isinstance(node, FUNCTION) and not node.decorator_list:
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name) and target.id != "__all__")


def _uses(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, ast.alias):
        yield node.name


def _by_name(named: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, place in named:
        found.setdefault(name, []).append(place)
    return found


@pytest.mark.parametrize("module", [module for module in MODULES if room(module).startswith("api")], ids=str)
def test_the_api_opens_nothing(module: Path) -> None:
    touched = {name.split(".")[0] for name in imported(module)}
    assert not touched & {"airflow", "requests", "aiohttp", "google", "asyncio", "threading", "socket", "time", "os", "subprocess"}


def test_a_value_is_a_struct() -> None:
    """A dataclass compiles the source of its methods at each import, and a launch imports forty values."""
    made = [module for module in MODULES if room(module) != "emulator"]
    assert [dotted(module) for module in made if "dataclasses" in imported(module)] == []


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_a_module_is_small_and_says_what_may_live_in_it(module: Path) -> None:
    lines = module.read_text("utf-8").splitlines()
    assert len(lines) <= LONGEST_MODULE
    if lines:
        assert ast.get_docstring(tree(module)), "a module opens with one sentence"


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_a_function_is_small(module: Path) -> None:
    assert [node.name for node in ast.walk(tree(module)) if isinstance(node, FUNCTION) and _own_lines(node) > LONGEST_FUNCTION] == []


def _own_lines(node: ast.AST) -> int:
    """Lines of a function's body, without its docstring and the functions inside."""
    assert isinstance(node, FUNCTION)
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    inside = sum(
        (inner.end_lineno or 0) - inner.lineno + 1 for inner in ast.walk(node) if isinstance(inner, FUNCTION) and inner is not node
    )
    return (node.end_lineno or 0) - body[0].lineno + 1 - inside if body else 0


def test_little_stands_twice() -> None:
    """Lines in a run of six that stands somewhere else, too; imports, blank lines and lone punctuation do not count."""
    places: dict[tuple[str, ...], list[tuple[Path, int]]] = {}
    total = 0
    for module in MODULES:
        lines = [line.strip() for line in module.read_text("utf-8").splitlines()]
        telling = [
            (number, line) for number, line in enumerate(lines) if re.search(r"\w", line) and not line.startswith(("import", "from"))
        ]
        total += len(telling)
        for start in range(len(telling) - SAME + 1):
            run = telling[start : start + SAME]
            places.setdefault(tuple(line for _, line in run), []).append((module, start))
    again = {(module, start + step) for found in places.values() if len(found) > 1 for module, start in found for step in range(SAME)}
    assert len(again) / total <= REPEATED


@pytest.mark.parametrize("module", MODULES, ids=NAMES)
def test_everything_public_is_explained(module: Path) -> None:
    assert [node.name for node in public(module) if not ast.get_docstring(node) and not _answers(node)] == []


def _answers(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether it is the emulator's answer to a method, which says what it does; or a program's ``main``."""
    marks = [mark.func for mark in node.decorator_list if isinstance(mark, ast.Call)]
    return node.name == "main" or any(isinstance(mark, ast.Name) and mark.id == "answers" for mark in marks)


def test_every_method_is_answered_or_a_stated_gap() -> None:
    from airflow_dataflow_ext.emulator.data_pipelines import service as pipelines
    from airflow_dataflow_ext.emulator.dataflow import service as emulated
    from airflow_dataflow_ext.emulator.dataflow.world import answers
    from airflow_dataflow_ext.emulator.wave import service as org

    assert emulated.ANSWERING
    assert org.ANSWERING
    assert set(all_methods()) - set(answers) == STATED_GAPS
    assert set(answers) <= set(all_methods())
    assert set(wave_methods()) == set(org.answers)
    assert set(pipeline_methods()) == set(pipelines.answers)


def test_every_state_means_something() -> None:
    assert all(isinstance(row.phase, Phase) for table in (DATAFLOW, WAVE) for row in table.values())


def test_a_method_is_described_once() -> None:
    described = [method for method in all_methods() for method in method.variants()]
    assert len({(method.verb, method.path) for method in described}) == len(described)
    assert all(isinstance(method, Method) for method in described)


WATCH = {
    "job": {"place": {"project_id": "p", "location": "l"}, "id": "j"},
    "policy": {
        "expected": ["JOB_STATE_DONE"],
        "to_the_end": True,
        "poll_sleep": 3.0,
        "importance": None,
        "replaces": True,
        "worker_logs": "on_failure",
        "spending": {"prices": {"vcpu_hours": 1.0}, "max_cost": 5.0, "max_vcpu_hours": 4.0},
        "drain": True,
    },
}
CONNECTION = {"conn_id": "c", "impersonation_chain": ["a@example.com", "b@example.com"]}


def trigger_arguments() -> dict[str, dict[str, Any]]:
    """For each trigger class, arguments that differ from what it takes by default."""
    from airflow_dataflow_ext.api.dataflow.actions import StopAction
    from airflow_dataflow_ext.api.dataflow.conditions import MetricReached
    from airflow_dataflow_ext.api.dataflow.job import Place
    from airflow_dataflow_ext.api.wave.runs import RunRef
    from airflow_dataflow_ext.api.wave.stop import RunStopAction
    from airflow_dataflow_ext.api.wave.wait import RunWatch

    stop = RunStopAction(run=RunRef(version="59.0", id="03C"), wait=False, until=9.0, poll_sleep=4.0)
    run = RunWatch(run=RunRef(version="59.0", id="03C", source_id="02K"), poll_sleep=4.0, fail_on_warning=True)
    action = StopAction(place=Place(project_id="p", location="l"), job_ids=("j",), drain=False)
    condition = MetricReached(metric="n", at_least=3.0, tentative=True, context={"step": "s1"})
    end = {"end_from_trigger": True, "do_xcom_push": False, "skips": True}
    at_job = {"job_id": "j", "project_id": "p", "location": "l", "poll_sleep": 3.0, **end, **CONNECTION}
    at_run = {"watch": run.serialize(), "stop_on_kill": True, "conn_id": "c", **end}
    events = {"project_id": "p", "location": "l", "poll_sleep": 3.0, **CONNECTION}
    start = {"operator": "a.Task", "arguments": {"gcp_conn_id": "c", "impersonation_chain": None, "job_id": "j"}}
    return {
        "DataflowActionTrigger": {"action": action.serialize(), **end, **CONNECTION},
        "DataflowConditionTrigger": {"condition": condition.serialize(), "fail_on_terminal_state": True, **at_job},
        "DataflowJobEventTrigger": {"name": "n*", "labels": '{"l": "v"}', "states": ["JOB_STATE_DONE"], **events},
        "DataflowJobStatusTrigger": {"expected_statuses": ["JOB_STATE_DONE"], **at_job},
        "DataflowJobTrigger": {"watch": WATCH, "stop_on_kill": True, "launches_again": True, **end, **CONNECTION},
        "WaveActionTrigger": {"action": stop.serialize(), "conn_id": "c", **end},
        "WaveJobTrigger": at_run,
        "WaveRunTrigger": at_run,
        **{f"{service}{kind}StartTrigger": start for service in ("Dataflow", "Wave") for kind in ("Action", "Launch", "Sensor")},
    }


def classes(base: type, word: str) -> list[type]:
    """Every class of a kind that the package defines and that can be made, wherever it stands; a module of one has the word in it."""
    modules = [module for module in MODULES if room(module) != "emulator" and word in module.read_text("utf-8")]
    found = {cls for module in modules for cls in vars(importlib.import_module(dotted(module))).values() if inspect.isclass(cls)}
    ours = (cls for cls in found if issubclass(cls, base) and cls.__module__.startswith(PACKAGE.name))
    return sorted((cls for cls in ours if not inspect.isabstract(cls) and not cls.__name__.startswith("_")), key=lambda cls: cls.__name__)


@needs_3_3  # the pages import nothing older
def test_the_signature_of_every_value_can_be_read() -> None:
    """``help()`` and the docs ask a struct for it, and it needs each name in the annotations."""
    values = classes(Struct, "class")
    assert len(values) > 40
    for value in values:
        inspect.signature(value)


def trigger_classes() -> list[type]:
    from airflow.triggers.base import BaseTrigger

    return classes(BaseTrigger, "Trigger")


def shown_modules(kind: str) -> set[str]:
    """The modules that Airflow is told of."""
    return {name for entry in get_provider_info()[kind] for name in entry["python-modules"]}


def shown_classes(kind: str) -> set[type]:
    """The classes that can be imported from the modules that Airflow is told of."""
    return {cls for name in shown_modules(kind) for cls in vars(importlib.import_module(name)).values() if inspect.isclass(cls)}


def test_airflow_is_shown_every_module_with_a_trigger() -> None:
    assert shown_modules("triggers") == {cls.__module__ for cls in trigger_classes()}


def test_airflow_is_shown_every_operator_sensor_and_task_decorator() -> None:
    from airflow.sdk import BaseOperator
    from airflow.sdk.bases.decorator import DecoratedOperator

    tasks = {cls for cls in classes(BaseOperator, "Operator") + classes(BaseOperator, "Sensor") if cls.execute is not BaseOperator.execute}
    decorated = {cls for cls in tasks if issubclass(cls, DecoratedOperator)}
    assert len(tasks) > 20
    assert tasks - decorated - shown_classes("operators") - shown_classes("sensors") == set()
    decorators = get_provider_info()["task-decorators"]
    assert {f"@task.{row['name']}" for row in decorators} == {cls.custom_operator_name for cls in decorated}
    assert [row for row in decorators if not callable(named(row["class-name"]))] == []


@needs_3_3
def test_airflow_is_shown_every_hook() -> None:
    from airflow.sdk import BaseHook

    hooks = classes(BaseHook, "Hook")
    assert {cls for cls in hooks if not any(issubclass(other, cls) for other in hooks if other is not cls)} <= shown_classes("hooks")


@needs_3_3
def test_airflow_is_shown_every_link_and_notifier() -> None:
    from airflow.sdk import BaseNotifier, BaseOperatorLink

    info = get_provider_info()
    assert {named(name) for name in info["extra-links"]} == set(classes(BaseOperatorLink, "Link"))
    assert {named(name) for name in info["notifications"]} == set(classes(BaseNotifier, "Notifier"))


@needs_3_3
def test_airflow_is_shown_every_option_that_is_read() -> None:
    options = {(section, option) for section, row in get_provider_info()["config"].items() for option in row["options"]}
    read = {pair for module in MODULES for pair in options_read(module) if pair[0].startswith(PACKAGE.name)}
    assert read == options


def options_read(module: Path) -> Iterator[tuple[str, ...]]:
    """Section and name of the options that a module takes from Airflow's configuration, by calls of ``conf.get`` and its like."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call) and re.match(r"conf\.(get|has_option)", ast.unparse(node.func)):
            space = vars(importlib.import_module(dotted(module)))
            yield tuple(str(arg.value if isinstance(arg, ast.Constant) else space[ast.unparse(arg)]) for arg in node.args)


def named(path: str) -> Any:
    """What stands under a dotted name."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_every_trigger_survives_a_round_trip() -> None:
    arguments = trigger_arguments()
    assert [cls.__name__ for cls in trigger_classes()] == sorted(arguments), "each trigger class has an entry in trigger_arguments"
    for cls in trigger_classes():
        wanted = json.loads(json.dumps(arguments[cls.__name__]))
        path, fields = cls(**wanted).serialize()
        again = named(path)(**json.loads(json.dumps(fields)))
        assert type(again) is cls
        assert json.loads(json.dumps(again.serialize()[1])) == wanted


@pytest.mark.parametrize("kind", ["operators", "sensors"])
def test_a_dag_file_that_imports_us_loads_nothing_heavy(kind: str) -> None:
    ours = [dotted(module) for module in MODULES if room(module) == kind]
    program = f"""
import importlib, json, sys
import airflow.sdk
before = set(sys.modules)
for name in {ours!r}:
    importlib.import_module(name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True, cwd=ROOT)
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert dotted(PACKAGE / kind / "dataflow.py") in loaded
    assert [name for name in loaded if name in HEAVY or name.startswith(tuple(f"{heavy}." for heavy in HEAVY))] == []


def committed() -> list[Path]:
    """Files that git has, or would take."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


FORBIDDEN = {
    "an absolute path of somebody's machine": re.compile(r"(?<![\w.:/-])/(?:(?:work|Users|root)/[\w.-]+|home/(?!me\b)[\w.-]+)"),
    "a package registry": re.compile(
        r"https?://(?!github\.com|pypi\.org/project/)[\w.-]*(?:pypi|artifactory|nexus|registry)[\w.-]*", re.IGNORECASE
    ),
    "a private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]"),
    "work that is left": re.compile(r"\b(?:TODO|FIXME|XXX)\b"),
}


OUT = re.compile(
    r"(?<![A-Za-z])(?:sights?|vigils?|seats?|rosters?|aside|endings|conclusions?|acting|u?n?told)(?![A-Za-z])"
    r"|edge of (?:a|the) task|task[ _]edge",
    re.IGNORECASE,
)
"""Words that only those knew who wrote them; and of identifiers "order", for something that is to be done."""

WRITTEN = ("airflow_dataflow_ext/", "bench/", "dags/", "demo/", "docs/", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "ui/src/")


TEXTS = [file.relative_to(ROOT) for file in committed() if file.suffix in (".py", ".md", ".ts", ".tsx")]


@pytest.mark.parametrize("file", [file for file in TEXTS if str(file).startswith(WRITTEN)], ids=str)
def test_words_are_those_that_a_reader_knows(file: Path) -> None:
    file = ROOT / file
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", file.read_text("utf-8")).replace("_", " ")
    assert sorted({hit.group() for hit in OUT.finditer(text)}) == []
    if file.suffix == ".py":
        parsed = ast.parse(file.read_text("utf-8"))
        named = {node.name for node in ast.walk(parsed) if isinstance(node, FUNCTION | ast.ClassDef)}
        named |= {node.arg for node in ast.walk(parsed) if isinstance(node, ast.arg)} | {
            node.id for node in ast.walk(parsed) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        assert {name for name in named - {"autodoc_member_order"} if re.search(r"(?:^|_)orders?(?:_|$)|Order", name)} == set()


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    found = []
    for file in committed():
        if file == Path(__file__) or file.suffix in (".png", ".gz", ".ico"):
            continue
        text = file.read_text("utf-8", errors="replace")
        found += [f"{file.relative_to(ROOT)}: {hit.group()}" for hit in FORBIDDEN[what].finditer(text)]
    assert found == []


def docs_tables() -> Any:
    """The module that writes the reference's tables."""
    spec = importlib.util.spec_from_file_location("docs_tables", ROOT / "docs" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    return tables


def test_every_argument_of_what_a_dag_imports_is_explained() -> None:
    tables = docs_tables()
    classes = {cls for module in tables.IMPORTED.values() for cls in tables.imported(module)}
    assert len(classes) > 20
    assert {f"{cls.__name__}.{name}" for cls in classes for _, name, _, text in tables.arguments(cls) if not text} == set()


def test_every_public_class_has_a_docs_entry(tmp_path: Path) -> None:
    tables = docs_tables()
    tables.write_tables(tmp_path)
    pages = "\n".join(page.read_text("utf-8") for page in (ROOT / "docs" / "reference").glob("*.md"))
    included = [(tmp_path / name).read_text("utf-8") for name in re.findall(r"\{include\} generated/(\S+)", pages)]
    text = "\n".join((pages, *included))
    modules = set(re.findall(r"automodule:: (\S+)", text))
    alone = set(re.findall(r"autoclass:: (?:\S+\.)?(\w+)", text))
    left_out = {name for names in re.findall(r":exclude-members: (.+)", text) for name in names.split(", ")}
    assert left_out <= alone
    written = {
        (dotted(module), node.name)
        for module in MODULES
        if "beam_child" not in module.parts and not module.stem.startswith("_")
        for node in public(module)
        if isinstance(node, ast.ClassDef)
    }
    assert written
    assert {f"{module}.{name}" for module, name in written if module not in modules and name not in alone} == set()


def test_every_error_has_a_section_in_troubleshooting() -> None:
    from airflow_dataflow_ext import exceptions
    from airflow_dataflow_ext.api.rest import errors

    classes = {
        name
        for module in (errors, exceptions)
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }
    page = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    sections = dict(re.findall(r"^### (\w+)\n\n(.+?)(?=\n##|\Z)", page, re.MULTILINE | re.DOTALL))
    assert set(sections) == classes
    assert {name for name in classes if len(sections[name].split()) < 10} == set()
