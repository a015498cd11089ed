"""The edge of a task: the only place where errors become Airflow's, and where Airflow's own things are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from airflow_dataflow_ext.api.rest.errors import DataflowExtError, InvalidInputError, LaunchRecordError
from airflow_dataflow_ext.task.compat import AirflowException, AirflowFailException


@contextmanager
def task_errors() -> Iterator[None]:
    """Turn this package's errors into Airflow's: one that no retry can mend fails the task at once."""
    try:
        yield
    except (InvalidInputError, LaunchRecordError) as error:
        raise AirflowFailException(str(error)) from error
    except DataflowExtError as error:
        raise AirflowException(str(error)) from error
