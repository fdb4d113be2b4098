"""Whether a model of the registry runs on this machine, told before anything of it is fetched.

Puts together what a model's sizes are (shapes.py), what they take (memory_plan.py) and which precision "auto" stands
for (precision.py). Loads nothing; the network is asked for a config.json alone, and only where the caller wants it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from recsys.models.distributed import take_device
from recsys.models.hub import fetch_config
from recsys.models.memory import available_bytes
from recsys.models.memory_plan import AnswerSize, MemoryPlan, ModelPlans, plan_memory
from recsys.models.placement import PlacementSettings, require_offloadable
from recsys.models.precision import resolve_precision
from recsys.models.shapes import ModelShape, find_known_shape, read_shape
from recsys.models.spec import ModelSpec
from recsys.models.too_large import ways_out
from recsys.settings import Precision


@dataclass(frozen=True)
class ModelFit:
    """What a model takes in the precision that was asked for, and in the others.

    Attributes:
        plan: Of the precision asked for; of the one that "auto" takes here.
        plans: Of all of them.
        placement: Where the weights may be.
    """

    plan: MemoryPlan
    plans: ModelPlans
    placement: PlacementSettings = PlacementSettings()  # noqa: RUF009 - it is frozen

    @property
    def fits(self) -> bool:
        """Whether it runs as asked for."""
        return self.plan.fits

    @property
    def sentence(self) -> str:
        """Whether it runs here, with numbers, and if not what would."""
        return self.plans.sentence(self.plan.precision)

    def require(self) -> None:
        """Refuses what does not fit.

        Raises:
            ModelUnavailableError: with both figures, and what would fit.
        """
        if not self.fits and self.plans.fitting == ():
            require_offloadable(self.plan.need, self.plan.precision, self.placement)
        self.plans.require(self.plan.precision)


def fit_model(
    spec: ModelSpec,
    precision: Precision = "auto",
    *,
    device: str = "auto",
    available: int | None = None,
    size: AnswerSize | None = None,
    ask_hub: bool = False,
    placement: PlacementSettings | None = None,
) -> ModelFit | None:
    """Plans a model for this machine.

    Args:
        spec: What registry.find_model returned.
        precision: What the weights shall be held in.
        device: auto, cpu, cuda or mps.
        available: Free bytes; None asks the device.
        size: What is answered at once; None takes one record.
        ask_hub: Fetch the config.json of a Hub model that nothing is known of; without it there is no plan.
        placement: Budgets of devices, and whether weights may stay on disk.

    Returns:
        The plan, or None where the model's sizes are not known.

    Raises:
        SettingsError, ModelUnavailableError: for a device or a precision that is not there.
        UnknownModelError, ModelUnavailableError: with ``ask_hub``, where the Hub has no such model or is away.
    """
    shape = _find_shape(spec, ask_hub=ask_hub)
    if shape is None:
        return None
    device = take_device(device)
    placement = placement or PlacementSettings()
    available = placement.limit(device, available_bytes(device) if available is None else available)
    weights = shape.count_weights()
    chosen, _ = resolve_precision(precision, device, weights=weights, available=available)
    plans = plan_memory(spec.title, weights, shape, available, size, device=device, placement=placement)
    if not plans.fitting:
        plans = replace(plans, ways_out=ways_out(plans, spec))
    return ModelFit(plans.of(chosen), plans, placement)


def _find_shape(spec: ModelSpec, *, ask_hub: bool) -> ModelShape | None:
    shape = find_known_shape(spec)
    return read_shape(fetch_config(spec)) if shape is None and ask_hub and spec.source == "hub" else shape
