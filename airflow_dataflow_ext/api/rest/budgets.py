"""Every number of seconds for which this package asks again, waits or pauses: one row each, with its reason.

They are read as ``budgets.NAME`` when they are needed, so that a row here is all there is to change.
"""

from __future__ import annotations

# One call and one question

CALL_TIMEOUT = 60.0
"""For one call by default: the services answer in seconds, and some launches take half a minute."""

RETRY_FOR = 120.0
"""For which one question is asked again by default: restarts and failovers of a service are over by then."""

FIRST_PAUSE = 1.0
"""Before a question is asked the second time; each further pause is twice as long."""

LONGEST_PAUSE = 60.0
"""Between two tries of a question, unless the service asks for more."""

LONGEST_RETRY_AFTER = 300.0
"""Of a pause that the service asks for with Retry-After: a wait must notice that the service is back before the day is over."""

NOBODY_FOR = 5.0
"""For which an address of this machine at which nothing listens is asked again: an emulator that is being started is there by then."""

TOKEN_FRESH = 1.0
"""After a token was renewed, in which a refusal means the token before: calls that were on their way come back one by one."""

# A job that is looked for

LOOKUP_PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Pauses before the look-ups of a job: one that was just created is not always readable at once."""

LOST_AFTER = 300.0
"""After which a job that the service does not know is given up."""

SENDS = 4
"""Times (no seconds) that a launch or a snapshot whose answers are lost is sent; each time only after a look that found none."""

OLDEST = 86_400.0
"""Before the launch was intended, by the worker's clock, at which a job of its name is too old to be its."""

SHOWS_UP_WITHIN = 60.0
"""In which a job shows up whose launch was not answered; no sooner is the launch sent to another place."""

LABELS_WITHIN = 900.0
"""In which a Flex job shows its labels: its launcher has to start a machine first."""

LABELS_EVERY = 10.0
"""Between two looks for them."""

WHERE_WITHIN = 10.0
"""For which the project's jobs are asked for when a job is not where it was looked for: an error must not wait long for its hint."""

SNAPSHOT_PAUSES = (1.0, 2.0, 4.0)
"""Pauses before the looks for a snapshot whose answer was lost."""

RUN_PAUSES = (0.0, 1.0, 3.0)
"""Pauses before the looks for the CRM Analytics run to which a handle leads; the handle serves until then."""

RUN_EVERY = 5.0
"""Between two looks for a CRM Analytics run of which the start said nothing."""

# A job that is waited for

UNKNOWN_AGAIN = 60.0
"""After which a log says once more that the service does not know a job; each further time after twice as long."""

POLL_SLEEP = 10.0
"""Between two looks at a Dataflow job by default."""

WAVE_POLL_SLEEP = 30.0
"""Between two looks at a CRM Analytics run by default: each look is one of the org's API requests of a day."""

EVENT_POLL_SLEEP = 30.0
"""Between two lists of the jobs that have ended, for asset events, by default."""

LIST_WITHIN = 60.0
"""For which each page of the active jobs is asked for; while lists are in trouble, reads may be answered."""

ENDED_LIST_WITHIN = 10.0
"""For which the list of ended jobs is asked for; they can always be read singly."""

GATHER = 0.5
"""For which a first look waits for others that come at the same time; so much for each page of a long list."""

LIST_AGAIN = 600.0
"""After which a list that was refused, or that was not worth its pages, is asked for again."""

AFTER_TROUBLE = 60.0
"""After which a list that gave only trouble is asked for again."""

LOOK_BACK = 3600.0
"""For which ended jobs are asked back when a Board is new: whoever waited elsewhere before may have missed them."""

CLOCK_SKEW = 600.0
"""By which the clock of a worker and that of a service may differ."""

ENDS_OVERLAP = 300.0
"""By which a list of ended jobs reaches back behind the last end that was seen: an end may show late."""

USAGE_EVERY = 300.0
"""Between two looks at what a running job has used, where that is limited; the service renews its totals about once a minute."""

ROOM_PAUSES = (60.0, 120.0, 240.0, 480.0, 900.0)
"""Between two launches of a job for which the service has no room; the last one is repeated."""

# What is asked at a job's end

ERROR_MESSAGE_PAUSES = (0.0, 2.0, 5.0, 10.0)
"""Pauses before the looks for error messages: they can arrive after the state has turned FAILED."""

METRICS_WITHIN = 30.0
"""For which the metrics of a job that has ended are asked for: its task is not held up longer for them."""

NODES_WITHIN = 60.0
"""For which the nodes of a CRM Analytics run that has ended are asked for."""

WORKER_LOGS_WITHIN = 10.0
"""For which the logs of a failed job's workers are asked for: they explain an end, and change none."""

METADATA_WITHIN = 20.0
"""For which a template's metadata is asked for: a check is not worth a longer wait."""

# A job that is stopped or replaced

STOP_WAIT = 300.0
"""For the end of a job that was asked to stop, by default."""

DRAIN_WAIT = 3600.0
"""For the end of a job that was asked to drain, by default: it finishes what it has read first."""

STOP_RETRY_FOR = 20.0
"""For which each question about a job that is being stopped is asked again, however little is left of the whole wait."""

FORCE_EVERY = 60.0
"""Between two forced cancels of a job, the first of which the service has refused."""

STOP_EVERY = 5.0
"""Between two tries to stop a job that is too young to be stopped."""

REPLACEABLE_WITHIN = 300.0
"""In which a job that is to be replaced must come to run."""

REPLACE_EVERY = 5.0
"""Between two looks at a job that is replaced."""

TAKEN_OVER_WITHIN = 120.0
"""In which a job ends once its replacement runs."""

# Airflow

FIRST_EVENT_AFTER = 5.0
"""From a trigger's start to its first event: an earlier one can overtake Airflow's own bookkeeping of the deferral and fail the task
(https://github.com/apache/airflow/issues/71580)."""

KILL_STOP_WITHIN = 20.0
"""That a kill may take to ask the job to stop; Airflow allows 30 (``[triggerer] on_kill_timeout``)."""

ASK_AIRFLOW_WITHIN = 2.0
"""For Airflow's word on who killed a task: it ends the task's process five seconds after it asked it to end."""

NEXT_TRY_PAUSES = (2.0, 3.0)
"""Pauses in which a cleared task begins its next try in the triggerer: until then it looks as if only its trigger had moved."""

EVENT_ARRIVES = 5.0
"""In which an asset event reaches Airflow's database: a ledger that is kept earlier could lose it."""

# The pages in Airflow's UI

PAGE_CALL_WITHIN = 10.0
"""For one call of a page to a service: a person waits for it."""

PAGE_WAIT = 20.0
"""For which a visitor waits for an answer, the wait for its turn included; the call goes on for the next visitor."""

PAGE_FIRST_PAUSE = 10.0
"""For which a page does not ask again after trouble; each further pause is twice as long."""

PAGE_LONGEST_PAUSE = 300.0
"""Between two calls of a page while there is trouble."""

PAGE_MOVING = 10.0
"""For which a page takes the state and the messages of a job that moves for new."""

PAGE_SLOW = 20.0
"""The same for metrics and stages, which the service renews less often: with every second look at the state."""

PAGE_DESCRIBED = 30.0
"""The same for a description that has no graph yet."""

PAGE_SETTLED = 60.0
"""After a job's end, in which late messages and totals still come; then its page is final."""

PAGE_HOOK = 600.0
"""For which a page uses a connection as it has read it; a person may change it."""

PAGE_OVERLAP = 60.0
"""By which new messages are asked for from before the last one: one that comes late bears an earlier time."""
