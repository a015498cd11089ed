"""Runs what the engine requests, a program as from the command line or a staged pipeline, and reports how it ended."""

from __future__ import annotations

import logging
import os
import runpy
import socket
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import google.auth
from apache_beam.options.pipeline_options import StandardOptions
from google.auth.credentials import AnonymousCredentials

from . import packages, pubsub, staged
from .runner import Runner
from .wire import Wire

_EXPLAINED = (staged.UnsupportedError, packages.InstallError, pubsub.PubSubError)
"""Errors that are reported by their message alone, without class and traceback."""
_NOT_THE_AUTHORS = (os.sep + "apache_beam" + os.sep, "apache_beam/runners", "<frozen runpy>", str(Path(__file__).parent))


def _take_over() -> None:
    """Make every pipeline of this process use our runner and anonymous credentials, without the user's own or a metadata server."""
    google.auth.default = lambda *_args, **_kwargs: (AnonymousCredentials(), os.environ.get("GOOGLE_CLOUD_PROJECT"))
    begin = beam.Pipeline.__init__

    def __init__(pipeline: Any, runner: Any = None, *args: Any, **kwargs: Any) -> None:  # noqa: N807, ARG001 - the given runner is ignored
        begin(pipeline, Runner(), *args, **kwargs)
        pipeline.options.view_as(StandardOptions).runner = "DataflowRunner"  # for transforms that check what the runner supports

    beam.Pipeline.__init__ = __init__


def _run(request: Mapping[str, Any], wire: Wire) -> None:
    if "pipeline" in request:
        staged.run(request["pipeline"], request["options"], request["digest"], Path(request["home"]), wire)
    else:
        _run_program(request["target"], request["arguments"])


def _run_program(target: str, arguments: list[str]) -> None:
    sys.argv = [target, *arguments]
    if target.endswith(".py"):
        sys.path.insert(0, str(Path(target).parent))
        runpy.run_path(target, run_name="__main__")
    else:
        runpy.run_module(target, run_name="__main__", alter_sys=True)


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, _EXPLAINED):
        return str(error)
    return traceback.format_exception_only(error)[-1].strip()


def _trace(error: BaseException) -> str:
    """The traceback without the frames of Beam and of this program, which do not help the pipeline's author."""
    shown = traceback.TracebackException.from_exception(error)
    theirs = [frame for frame in shown.stack if not any(part in frame.filename for part in _NOT_THE_AUTHORS)]
    if theirs:
        shown.stack = traceback.StackSummary.from_list(theirs)
    shown.__context__ = shown.__cause__ = None
    return "".join(shown.format())


def main() -> int:
    """Run what the engine requests, and report how it ended; returns the exit status."""
    wire = Runner.wire = Wire(socket.socket(fileno=int(sys.argv[1])))
    request = wire.request()
    _take_over()
    cause = trace = ""
    try:
        _run(request, wire)
    except SystemExit as stop:
        cause = f"The program ended with exit status {stop.code}." if stop.code else ""
    except BaseException as error:
        cause, trace = _cause(error), "" if isinstance(error, _EXPLAINED) else _trace(error)
        logging.getLogger(__name__).exception("The pipeline failed.")
    if not cause and not Runner.runs:
        cause = "The program ended without running a pipeline."
    if cause or not Runner.succeeded:
        launched = bool(Runner.runs) or "pipeline" in request
        stage = f"{Runner.failed_in.id}:{Runner.failed_in.operation}" if Runner.failed_in else None
        wire.send("failed", {"cause": cause or "The pipeline failed.", "trace": trace, "stage": stage, "launched": launched})
        return 1
    wire.send("done")
    if "pipeline" in request:
        # Like a worker of the service, do not wait for the interpreter's own cleanup.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)
    return 0
