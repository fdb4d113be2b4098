"""The questions' evaluations as sweeps, which the Tune tab opens with where nothing was swept on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from recsys.errors import InputError
from recsys.models.registry import SMALL_MODEL
from recsys.tuning.axes import Axis
from recsys.tuning.effects.cells import LARGE, EffectCell, Sizes, make_request
from recsys.tuning.effects.finished import FinishedRuns
from recsys.tuning.effects.sampling import HEAT_TEMPERATURES, HEAT_TOP_P
from recsys.tuning.effects.sliders import SLIDERS
from recsys.tuning.sweep import Sweep, SweepResult, run_sweep

if TYPE_CHECKING:
    from recsys.evaluation.report import Report
    from recsys.evaluation.request import EvaluationRequest
    from recsys.workbench import Workbench

_HEAT: Final = (Axis("temperature", HEAT_TEMPERATURES), Axis("top_p", HEAT_TOP_P))
SWEPT: Final[Mapping[str, tuple[EffectCell, tuple[Axis, ...]]]] = {
    f"{SMALL_MODEL}-temperature-top-p": (EffectCell.of(SMALL_MODEL, {"top_k": 0}, size="some"), _HEAT),
    **{
        f"{name}-temperature": (EffectCell.of(name, {}), (Axis("temperature", SLIDERS[name][0].values),))
        for name in (SMALL_MODEL, LARGE[0])
    },
}
"""What is the same in every cell and what is swept, by name of the file."""


def effect_sweeps(sizes: Sizes, workbench: Workbench) -> Mapping[str, SweepResult]:
    """The sweeps whose every cell is finished.

    Args:
        sizes: How many records were asked.
        workbench: Tells where runs are.
    """
    finished = FinishedRuns(workbench)

    def look_up(request: EvaluationRequest, name: str) -> Report:
        found = finished.find(request)
        if found is None:
            raise InputError("a cell is not finished", seen=name, mend="ask its question first")
        return found

    made = {}
    for name, (base, axes) in SWEPT.items():
        try:
            made[name] = run_sweep(Sweep(make_request(base, sizes, workbench), axes), look_up)
        except InputError:
            continue
    return made
