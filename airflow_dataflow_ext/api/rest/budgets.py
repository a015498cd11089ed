"""Every time limit and pause of this package: one row each, in seconds, with its reason.

The code reads ``budgets.NAME`` when it needs a value, so a change here takes effect everywhere.
"""

from __future__ import annotations

# One call and one question

CALL_TIMEOUT = 60.0
"""Default timeout of one call. The services answer in seconds, but some launches take half a minute."""

RETRY_FOR = 120.0
"""Default time for which a request is retried. Restarts and failovers of a service are over by then."""

FIRST_PAUSE = 1.0
"""Pause before the first retry of a request; each further pause is twice as long."""

LONGEST_PAUSE = 60.0
"""Longest pause between two retries of a request, unless the service asks for a longer one."""

LONGEST_RETRY_AFTER = 300.0
"""Longest pause that the service can ask for with Retry-After, so that a wait soon notices when the service is back."""

NOBODY_FOR = 5.0
"""Time for which an address of this machine at which nothing listens is retried. An emulator that is starting is ready by then."""

TOKEN_FRESH = 1.0
"""Time after a renewal in which a refused token is taken for the old one, because calls that were sent with it are still being answered."""

# Looking for a job

LOOKUP_PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Pauses before the look-ups of a job, since a new job cannot always be read at once."""

LOST_AFTER = 300.0
"""Time after which a wait gives up a job that the service does not know."""

SENDS = 4
"""How often (not seconds) a launch or a snapshot is sent when answers are lost; each time only after a look-up has found none."""

OLDEST = 86_400.0
"""How much older than the launch, by the worker's clock, a job of its name must be not to belong to it."""

SHOWS_UP_WITHIN = 60.0
"""Time in which the job of an unanswered launch appears; the launch is sent to another place only after that."""

LABELS_WITHIN = 900.0
"""Time in which a Flex job shows its labels, since its launcher has to start a machine first."""

LABELS_EVERY = 10.0
"""Pause between two looks for labels."""

WHERE_WITHIN = 10.0
"""Time for which the project's lists are searched for a job that is in another location. An error must not wait long for this hint."""

SNAPSHOT_PAUSES = (1.0, 2.0, 4.0)
"""Pauses before the look-ups of a snapshot whose answer was lost."""

RUN_PAUSES = (0.0, 1.0, 3.0)
"""Pauses before the look-ups of the CRM Analytics run that belongs to a handle; until then, the handle is used."""

RUN_EVERY = 5.0
"""Pause between two looks for a CRM Analytics run that the reply of its start does not name."""

# Waiting for a job

UNKNOWN_AGAIN = 60.0
"""Time after which the log repeats that the service does not know a job; it doubles with each repetition."""

POLL_SLEEP = 10.0
"""Default time between two looks at a Dataflow job."""

WAVE_POLL_SLEEP = 30.0
"""Default time between two looks at a CRM Analytics run. Each look uses one of the org's daily API requests."""

EVENT_POLL_SLEEP = 30.0
"""Default time between two lists of ended jobs, for asset events."""

LIST_WITHIN = 60.0
"""Time for which a page of the active jobs is retried. Reads of single jobs may work while lists do not."""

ENDED_LIST_WITHIN = 10.0
"""Time for which the list of ended jobs is retried. Ended jobs can always be read singly."""

GATHER = 2.0
"""Time for which a first look waits for others, so that they share one list; it is multiplied by the number of pages."""

LIST_AGAIN = 600.0
"""Time after which a list is tried again that was refused, or has more pages than jobs are due."""

AFTER_TROUBLE = 60.0
"""Time after which a list is tried again that gave no good answer."""

LOOK_BACK = 3600.0
"""How far back a new Board lists ended jobs, since its watchers may have missed ends while they moved to this triggerer."""

CLOCK_SKEW = 600.0
"""Greatest difference between the clocks of a worker and a service."""

ENDS_OVERLAP = 300.0
"""How far a list of ended jobs reaches back before the last end that was seen, since an end may appear late."""

USAGE_EVERY = 300.0
"""Time between two looks at the usage of a job with a limit. The service updates its totals about once a minute."""

ROOM_PAUSES = (60.0, 120.0, 240.0, 480.0, 900.0)
"""Pauses between two launches of a job for which the service has no capacity; the last one is repeated."""

# At a job's end

ERROR_MESSAGE_PAUSES = (0.0, 2.0, 5.0, 10.0)
"""Pauses before the looks for error messages, which can arrive after the state has become FAILED."""

METRICS_WITHIN = 30.0
"""Time for which the metrics of an ended job are retried, so that its task is not delayed longer."""

NODES_WITHIN = 60.0
"""Time for which the nodes of an ended CRM Analytics run are retried."""

WORKER_LOGS_WITHIN = 10.0
"""Time for which the worker logs of a failed job are retried. They explain the failure, but do not decide it."""

METADATA_WITHIN = 20.0
"""Time for which a template's metadata is retried. A check is not worth a longer wait."""

# Stopping or replacing a job

STOP_WAIT = 300.0
"""Default time to wait for the end of a job that is being cancelled."""

DRAIN_WAIT = 3600.0
"""Default time to wait for the end of a job that is being drained, which first finishes what it has read."""

STOP_RETRY_FOR = 20.0
"""Time for which a call about a job that is being stopped is retried, however little is left of the whole wait."""

FORCE_EVERY = 60.0
"""Pause before a forced cancel is repeated that the service has refused."""

STOP_EVERY = 5.0
"""Pause before another attempt to stop a job that is too young to be stopped."""

REPLACEABLE_WITHIN = 300.0
"""Time in which a job that is to be replaced must start running."""

REPLACE_EVERY = 5.0
"""Time between two looks at a job that is being replaced."""

TAKEN_OVER_WITHIN = 120.0
"""Time in which a job ends once its replacement runs."""

# Airflow

FIRST_EVENT_AFTER = 5.0
"""Least time from a trigger's start to its first event. An earlier one can overtake Airflow's own record of the deferral and fail the task
(https://github.com/apache/airflow/issues/71580)."""

KILL_STOP_WITHIN = 20.0
"""Time that a kill may take to ask the job to stop. Airflow allows 30 seconds (``[triggerer] on_kill_timeout``)."""

ASK_AIRFLOW_WITHIN = 2.0
"""Time to ask Airflow who killed a task. Airflow ends the process five seconds after it has asked it to end."""

NEXT_TRY_PAUSES = (2.0, 3.0)
"""Pauses in which a cleared task begins its next try in the triggerer. Until then, it looks as if only its trigger had moved."""

EVENT_ARRIVES = 5.0
"""Time in which an asset event reaches Airflow's database. If the ledger were stored earlier, the event could be lost."""

# The pages in Airflow's UI

PAGE_CALL_WITHIN = 10.0
"""Time for one call that a page makes to a service, since a person waits for it."""

PAGE_WAIT = 20.0
"""Time for which a page waits for an answer, including the wait for its turn; the call continues for the next request."""

PAGE_FIRST_PAUSE = 10.0
"""Pause of a page after a failed call; each further pause is twice as long."""

PAGE_LONGEST_PAUSE = 300.0
"""Longest pause of a page between failed calls."""

PAGE_MOVING = 10.0
"""Time for which a page reuses the state and the messages of a moving job."""

PAGE_SLOW = 20.0
"""The same for metrics and stages, which the service updates less often; they are read with every second look at the state."""

PAGE_DESCRIBED = 30.0
"""The same for a description that has no graph yet."""

PAGE_SETTLED = 60.0
"""Time after a job's end in which late messages and totals still arrive; after that, its page is final."""

PAGE_HOOK = 600.0
"""Time for which a page uses a connection without reading it again, since a person may change it."""

PAGE_OVERLAP = 60.0
"""How far before the last message a page asks for new ones, since a late message has an earlier time."""
