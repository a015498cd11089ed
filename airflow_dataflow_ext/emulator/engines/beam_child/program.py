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
    if isinstance(error, _EXPLAINED):
        return str(error)
    return traceback.format_exception_only(error)[-1].strip()


def _trace(error: BaseException) -> str:
    """The traceback without the frames of Beam and of this program, which do not help the pipeline's author.

    The errors that led to this one are shown, too, as far as the author's code raised them.
    """
    _leave_out_the_copied(error)
    shown = last = traceback.TracebackException.from_exception(error)
    last.stack = _of_the_author(last) or last.stack
    while before := last.__cause__ or (None if last.__suppress_context__ else last.__context__):
        if not _of_the_author(before):
            last.__cause__ = last.__context__ = None
            break
        before.stack = _of_the_author(before)
        last = before
    return "".join(shown.format())


def _leave_out_the_copied(error: BaseException) -> None:
    """Beam raises a copy of a function's error, whose text also names the step; link the copy to what led to the original."""
    original = error.__context__
    if original and not error.__cause__ and type(original) is type(error) and str(original) in str(error):
        error.__cause__, error.__context__ = original.__cause__, original.__context__
        error.__suppress_context__ = original.__suppress_context__


def _of_the_author(shown: traceback.TracebackException) -> traceback.StackSummary:
    return traceback.StackSummary.from_list(
        [frame for frame in shown.stack if not any(part in frame.filename for part in _NOT_THE_AUTHORS)]
    )


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
