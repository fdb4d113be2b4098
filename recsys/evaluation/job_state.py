"""What an evaluation job looks like at one moment: a frozen picture for whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from recsys.errors import RecsysError
from recsys.evaluation.intervals import Interval
from recsys.evaluation.report import Report
from recsys.evaluation.results import RecordResult

Phase = Literal["queued", "running", "done", "cancelled", "failed"]


@dataclass(frozen=True)
class RunningMetric:
    """A metric over the records done so far.

    Attributes:
        mean: Over records.
        interval: Of 1,000 resamples of users, narrowing as records come in; None with fewer than two users.
    """

    mean: float
    interval: Interval | None


@dataclass(frozen=True)
class JobState:
    """A job at one moment.

    Attributes:
        job_id: The job.
        phase: queued, running, done, cancelled or failed.
        done: Records done, those of an earlier start included.
        total: Records of the run; 0 until they are drawn.
        seconds_elapsed: Since the job began, to its end where it has ended.
        eta_seconds: Time left by the pace of this start's records; None while there is none to go by.
        metrics: Every metric over the records done.
        latest: The last results, the newest last.
        report: The findings, once done.
        message: What is being done, or why it ended, in one sentence.
        error: Why it failed or was cancelled, for callers that raise; its words are the message.
    """

    job_id: str
    phase: Phase
    done: int
    total: int
    seconds_elapsed: float
    eta_seconds: float | None
    metrics: Mapping[str, RunningMetric] = field(default_factory=dict)
    latest: tuple[RecordResult, ...] = ()
    report: Report | None = None
    message: str = ""
    error: RecsysError | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.phase in ("done", "cancelled", "failed")
