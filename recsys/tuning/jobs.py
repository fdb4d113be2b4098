"""Sweeps and searches that run in the server and outlive the page that started them, one at a time.

Results are saved after every cell, so what was stopped, or died with the server, can be looked at, and goes on when the
same is started again. What a cell is asked is the business of sweep.py and study.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from recsys.background import BackgroundTask, TaskState, Tell
from recsys.errors import RecsysError, SettingsError
from recsys.tuning.axes import make_cells
from recsys.tuning.cells import GROUP, CellEvaluator, data_mark, study_folder
from recsys.tuning.confirming import confirm_winner
from recsys.tuning.kept import Kept, KeptResults, KeptStudy, KeptSweep, Kind
from recsys.tuning.study import Study, run_study
from recsys.tuning.study_result import Confirmation, StudyResult
from recsys.tuning.sweep import Sweep, SweepCell, SweepResult, run_sweep
from recsys.tuning.trials import require_optuna

if TYPE_CHECKING:
    from recsys.evaluation.report import Report
    from recsys.evaluation.request import EvaluationRequest
    from recsys.workbench import Workbench

_REFUSED: Final = "a public page runs no sweeps and no searches"


@dataclass(frozen=True)
class TuningState:
    """The work under way, or the last one, at one moment.

    Attributes:
        task: Its phase, and what it is at.
        kind: A sweep or a search; None before the first.
        name: Of its result.
        done: Finished cells or trials, those of an earlier start included.
        total: Cells or trials in all.
        eta_seconds: Time left by the pace of this start's cells; None while there is none to go by.
        is_stopping: Whether it was asked to stop and has not yet.
    """

    task: TaskState
    kind: Kind | None = None
    name: str = ""
    done: int = 0
    total: int = 0
    eta_seconds: float | None = None
    is_stopping: bool = False

    @property
    def fraction(self) -> float:
        """How far all of it is, from 0 to 1; the cell under way counts by its records."""
        return min((self.done + self.task.fraction) / self.total, 1.0) if self.total else 0.0


@dataclass
class _Run:
    """The counts of one start; changed by its own thread, under the lock."""

    kind: Kind
    name: str
    total: int
    num_before: int
    done: int
    pace_from: float
    last: float | None = None
    is_stopping: bool = False

    def eta(self, now: float) -> float | None:
        fresh = self.done - self.num_before
        if fresh <= 0 or self.last is None:
            return None
        each = (self.last - self.pace_from) / fresh
        return max(each * (self.total - self.done) - (now - self.last), 0.0)


class TuningJobs:
    """Starts sweeps and searches on a workbench, and finds their results again. Make one for each workbench.

    Args:
        workbench: What evaluates.
        clock: Seconds that only ever grow.
    """

    def __init__(self, workbench: Workbench, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._workbench, self._clock = workbench, clock
        folder = workbench.jobs.runs_folder / GROUP
        self.kept = KeptResults(folder, workbench.options.shipped_reports)
        self._task = BackgroundTask("a sweep or a search is under way")
        self._lock = threading.Lock()
        self._run: _Run | None = None

    @property
    def refusal(self) -> str:
        """Why nothing can be started here, as a sentence; empty where it can."""
        return f"{_REFUSED}. Run your own copy." if self._workbench.options.public else ""

    def state(self) -> TuningState:
        """The work now; never waits."""
        with self._lock:
            task, run = self._task.state(), self._run
            if run is None:
                return TuningState(task)
            eta = run.eta(self._clock()) if task.is_running else None
            is_stopping = run.is_stopping and task.is_running
            # Fractions are told of the cell under way; the last one stands still when all is over.
            part = task if task.is_running else replace(task, fraction=0.0)
            return TuningState(part, run.kind, run.name, run.done, run.total, eta, is_stopping)

    def start_sweep(self, sweep: Sweep) -> str:
        """Starts a sweep, which takes up the cells that are done; gives the name of its result.

        Raises:
            SettingsError: for a sweep that cannot be made, or on a public page.
            ModelBusyError: while another sweep or search runs.
        """
        self._require_private()
        cells = make_cells(sweep.base, sweep.axes)
        for _, request in cells:
            self._workbench.check_prompt(request.choice, request.prompt)
        name = f"{sweep.id}-{data_mark(self._workbench)}"

        def work(run: _Run, tell: Tell, cancel: threading.Event) -> str:
            def watch(result: SweepResult, total: int) -> None:
                # A sweep that goes on is not saved shorter than it was.
                if len(result.cells) > run.num_before or len(result.cells) == total:
                    self.kept.save(KeptSweep(name, result))
                self._count(run, len(result.cells), tell)

            result = run_sweep(sweep, self._evaluator(tell, cancel), watch=watch)
            return f"{len(result.cells)} cells evaluated"

        self._start("sweep", name, len(cells), work)
        return name

    def start_search(self, study: Study, *, prove: bool = False) -> str:
        """Starts a search, which takes up the trials that are done; gives the name of its result.

        Args:
            study: What is searched.
            prove: Ask test users about the winner at the end.

        Raises:
            SettingsError: on a public page.
            ModelUnavailableError: without optuna.
            ModelBusyError: while another sweep or search runs.
        """
        self._require_private()
        require_optuna()
        self._workbench.check_prompt(study.base.choice, study.base.prompt)
        name, folder = f"{study.id}-{data_mark(self._workbench)}", study_folder(self._workbench)
        earlier = self.kept.find("study", name)

        def keep(result: StudyResult) -> None:
            self.kept.save(KeptStudy(name, study, _with_proof_of(earlier, result)))

        def work(run: _Run, tell: Tell, cancel: threading.Event) -> str:
            ask = self._evaluator(tell, cancel)

            def watch(result: StudyResult) -> None:
                keep(result)
                self._count(run, len(result.trials), tell)

            def confirm(winner: SweepCell) -> Confirmation:
                return confirm_winner(study.base, winner.values, ask)

            result = run_study(study, ask, folder, watch=watch, confirm=confirm if prove else None)
            keep(result)
            self._count(run, len(result.trials), tell)
            return f"{len(result.trials)} trials evaluated"

        self._start("study", name, study.num_trials, work)
        return name

    def prove(self, name: str) -> None:
        """Starts to ask test users about the winner of a search, and about the settings that were there before.

        Raises:
            InputError: when there is no such search.
            SettingsError: on a public page.
            ModelBusyError: while another sweep or search runs.
        """
        self._require_private()
        kept = self.kept.find("study", name)
        if not isinstance(kept, KeptStudy):
            raise SettingsError("there is no such search", seen=name, mend="open one of the list")
        if not name.endswith(data_mark(self._workbench)):
            mend = "choose that data set on the About tab first"
            raise SettingsError("this search was made on another data set", mend=mend)

        def work(run: _Run, tell: Tell, cancel: threading.Event) -> str:
            found = confirm_winner(kept.study.base, kept.result.winner.values, self._evaluator(tell, cancel))
            self.kept.save(KeptStudy(name, kept.study, replace(kept.result, confirmation=found)))
            return "the winner and the settings before were asked on test users"

        self._start("study", name, kept.done, work)

    def stop(self) -> None:
        """Asks the work under way to stop; finished cells and records are kept."""
        self._task.cancel()
        with self._lock:
            if self._run is not None:
                self._run.is_stopping = True

    def wait(self, timeout: float | None = None) -> TuningState:
        """Waits until the work is over, or that many seconds, and tells its state."""
        self._task.wait(timeout)
        return self.state()

    def _require_private(self) -> None:
        if self._workbench.options.public:
            raise SettingsError(_REFUSED, mend="run your own copy")

    def _start(self, kind: Kind, name: str, total: int, work: Callable[[_Run, Tell, threading.Event], str]) -> None:
        earlier = self.kept.find(kind, name)
        num_before = min(earlier.done, total) if earlier is not None else 0
        # A sweep goes through its finished cells again, a search starts behind them.
        run = _Run(kind, name, total, num_before, num_before if kind == "study" else 0, self._clock())
        with self._lock:
            self._task.start(lambda tell, cancel: work(run, tell, cancel))  # refuses before the other's counts are lost
            self._run = run

    def _count(self, run: _Run, done: int, tell: Tell) -> None:
        tell(0.0, f"{done} of {run.total} done")
        with self._lock:
            run.done, run.last = done, self._clock()
            if done <= run.num_before:
                run.pace_from = run.last

    def _evaluator(self, tell: Tell, cancel: threading.Event) -> CellEvaluator:
        return _SameData(self._workbench, tell, cancel)


class _SameData(CellEvaluator):
    """Evaluates cells on the data set that was in use when it was made: cells on two sets cannot be compared."""

    def __init__(self, workbench: Workbench, tell: Tell, cancel: threading.Event) -> None:
        super().__init__(workbench, tell, cancel)
        self._number = workbench.data.number

    def __call__(self, request: EvaluationRequest, name: str) -> Report:
        if self._workbench.data.number != self._number:
            raise RecsysError("another data set is in use now", mend="start the same again on it")
        return super().__call__(request, name)


def _with_proof_of(earlier: Kept | None, result: StudyResult) -> StudyResult:
    """The result with the proof that it had before, where its winner is the same and nobody was asked again."""
    if result.confirmation is not None or not isinstance(earlier, KeptStudy):
        return result
    is_same = earlier.result.winner.values == result.winner.values
    return replace(result, confirmation=earlier.result.confirmation) if is_same else result
