"""What answering takes in each precision, told from the sizes of a model alone, beside what is free.

For a model of P weights, L layers, k key/value heads of d numbers, hidden width h, MLP width i, vocabulary V, and a
request of n = batch × beams rows of s tokens (prompt and answer), with w bytes of the working precision:

    weights   what WeightCounts.bytes_in says of the precision
    loading   what is there beside the weights while they are read (WeightCounts.peak_bytes)
    cache     n · s · (L + 1) · 2 · k · d · w      one layer's share more: a layer's cache is copied when it grows
    working   cache / 2      gaps that growing caches leave in the heap
              + n · s · max(3·w·i, 8·h + 6·w·h)      the widest layer while prompts are read; in int8 on a CPU 18·i:
                one number inside the MLP waits while the next layer's sums, scales, products and result are there
              + n · a · s² · 8      attention scores of a heads, where they are written out (GPT-J)
              + n · V · (w + 16)      logits, their fp32 copy, and what sampling and sorting keep of them
              + n · V · h · 2      in bf16 and nf4 on a CPU: oneDNN copies a LLaMA's head for every row
              + V · h · 2      in int8 and nf4 on a CPU: the head once more
              + 20 MB      tokenizer and modules

``needed`` is weights + max(loading, cache + working): loading is over when answering begins. The interpreter, its
libraries and gaps of allocators are left out. How near it comes is measured by `python -m recsys bench memory
--inference` (docs/benchmarks/inference-memory.md); GPUs were not measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from recsys.errors import ModelUnavailableError
from recsys.models.memory import WeightCounts
from recsys.models.placement import PlacementSettings, offloads
from recsys.models.shapes import ModelShape
from recsys.settings import Precision, require_number

PRECISIONS: tuple[str, ...] = get_args(Precision)[1:]
"""What weights may be held in."""
_NUMBER_BYTES = {"fp32": 4}
"""Of the numbers between layers; 2 in every other precision."""
_BEST_FIRST = ("fp32", "bf16", "fp16", "int8", "nf4")
"""In which order precisions are proposed, of those that fit."""
_LOGIT_COPIES = 16
"""Bytes a logit beside itself: fp32 logits, scores, a sort and its indices."""
_INT8_OUTPUT = 16
"""Bytes of a number that bitsandbytes' int8 layer gives on a CPU, while it does: measured of one layer alone."""
_HEAD_IN_BF16 = ("bf16", "nf4")
_OBJECTS = 20_000_000
"""As measured of models with 49,152 and 4,807 tokens."""


@dataclass(frozen=True)
class AnswerSize:
    """How much is answered at once.

    Attributes:
        batch: Records.
        beams: Hypotheses of each.
        length: Tokens of a prompt and its answer.
    """

    batch: int = 1
    beams: int = 1
    length: int = 512

    def __post_init__(self) -> None:
        require_number("batch", self.batch, 1, 100_000, integer=True)
        require_number("beams", self.beams, 1, 1_000, integer=True)
        require_number("length", self.length, 1, 1_000_000, integer=True)

    @property
    def rows(self) -> int:
        """Texts that grow side by side."""
        return self.batch * self.beams


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes that a model takes in one precision, by what they hold; see the module for each.

    Attributes:
        title: The model's, for people.
        precision: What the weights are held in.
        weights: Once loaded.
        loading: Beside them while they are loaded.
        cache: Keys and values.
        working: Logits and activations.
        available: What is free for all of it.
        least: What must be in memory even where all weights stay on disk.
        offloads: Whether they may.
    """

    title: str
    precision: str
    weights: int
    loading: int
    cache: int
    working: int
    available: int
    least: int = 0
    offloads: bool = False

    @property
    def answering(self) -> int:
        """Weights and what an answer takes beside them."""
        return self.weights + self.cache + self.working

    @property
    def needed(self) -> int:
        """The most that is there at any time."""
        return max(self.weights + self.loading, self.answering)

    @property
    def fits(self) -> bool:
        """Whether that much is free, or the rest may stay on disk."""
        return self.fits_in_memory or (self.offloads and self.least <= self.available)

    @property
    def fits_in_memory(self) -> bool:
        """Whether that much is free."""
        return self.needed <= self.available

    @property
    def need(self) -> str:
        """Both figures, as a sentence without a full stop."""
        return (
            f"{self.title} in {self.precision} needs about {amount(self.needed)} of memory "
            f"and {amount(self.available)} are free"
        )

    @property
    def on_disk(self) -> int:
        """Bytes of the weights that would stay on disk."""
        return min(self.weights, max(0, self.needed - self.available))


@dataclass(frozen=True)
class ModelPlans:
    """The plans of one model, one for each precision.

    Attributes:
        plans: One for each precision.
        ways_out: What would run it where no plan fits, from too_large.ways_out.
    """

    plans: tuple[MemoryPlan, ...]
    ways_out: str = ""

    def of(self, precision: str) -> MemoryPlan:
        """The plan of a precision."""
        return next(plan for plan in self.plans if plan.precision == precision)

    @property
    def fitting(self) -> tuple[MemoryPlan, ...]:
        """The plans that fit in memory, the most precise first."""
        return tuple(sorted((plan for plan in self.plans if plan.fits_in_memory), key=_place))

    @property
    def smallest(self) -> MemoryPlan:
        """The plan that needs least."""
        return min(self.plans, key=lambda plan: plan.needed)

    def sentence(self, precision: str) -> str:
        """Whether the model runs here in a precision, with numbers, and if not what would."""
        plan = self.of(precision)
        if plan.fits_in_memory:
            return f"{plan.need}."
        if plan.fits:
            return (
                f"{plan.need}, so about {amount(plan.on_disk)} of its weights stay on disk "
                "and are read for each token, which is slow."
            )
        if self.fitting:
            return f"{plan.need}; {self._next(precision)}."
        return f"{self._too_large()}; {self.ways_out or 'it would take a machine with that much'}."

    def require(self, precision: str) -> None:
        """Refuses what cannot fit, before anything of it is fetched or read.

        Raises:
            ModelUnavailableError: with both figures, and what would fit.
        """
        plan = self.of(precision)
        if plan.fits:
            return
        if self.fitting:
            raise ModelUnavailableError(plan.need, mend=f"choose precision {self._best_below(precision).precision}")
        mend = f"{self.ways_out}, or choose a smaller model" if self.ways_out else "choose a smaller model"
        raise ModelUnavailableError(self._too_large(), mend=mend)

    def _next(self, precision: str) -> str:
        best = self._best_below(precision)
        return f"{best.precision} needs {amount(best.needed)} and fits"

    def _best_below(self, precision: str) -> MemoryPlan:
        """What fits and is the least loss: nothing more precise than what was asked for, where there is any."""
        wanted = _BEST_FIRST.index(precision)
        return next((plan for plan in self.fitting if _place(plan) > wanted), self.fitting[0])

    def _too_large(self) -> str:
        plan = self.smallest
        return (
            f"{plan.title} does not fit in any precision here: {plan.precision} needs about {amount(plan.needed)} "
            f"of memory and {amount(plan.available)} are free"
        )


def plan_memory(
    title: str,
    weights: WeightCounts,
    shape: ModelShape,
    available: int,
    size: AnswerSize | None = None,
    *,
    device: str = "cpu",
    placement: PlacementSettings | None = None,
) -> ModelPlans:
    """Plans a model in every precision.

    Args:
        title: The model's, for people.
        weights: Its weights, of shape.count_weights or of its files.
        shape: Its sizes.
        available: Free bytes, as memory.available_bytes tells.
        size: What is answered at once; None takes one record.
        device: "cpu", "cuda" or "mps".
        placement: Whether weights may stay on disk; None keeps them in memory.
    """
    size, placement = size or AnswerSize(), placement or PlacementSettings()

    def plan(precision: str) -> MemoryPlan:
        cache, working = cache_bytes(shape, precision, size), working_bytes(shape, precision, size, device)
        held = weights.bytes_in(precision)
        loading = weights.peak_bytes(precision) - held
        least = cache + working + shape.largest_tensor * _number_bytes(precision)
        return MemoryPlan(
            title, precision, held, loading, cache, working, available, least, offloads(placement, precision)
        )

    return ModelPlans(tuple(map(plan, PRECISIONS)))


def cache_bytes(shape: ModelShape, precision: str, size: AnswerSize) -> int:
    """Keys and values of every row, and one layer's once more while it grows."""
    layer = size.rows * size.length * 2 * shape.key_value_heads * shape.head_width * _number_bytes(precision)
    return (shape.layers + 1) * layer


def working_bytes(shape: ModelShape, precision: str, size: AnswerSize, device: str = "cpu") -> int:
    """What there is beside weights, keys and values while a batch is answered; see the module."""
    width, on_cpu = _number_bytes(precision), device == "cpu"
    inside = width + _INT8_OUTPUT if on_cpu and precision == "int8" else 3 * width
    reading = size.length * max(inside * shape.intermediate, (8 + 6 * width) * shape.hidden)
    scores = 8 * shape.heads * size.length**2 if shape.architecture == "gptj" else 0
    head = 2 * shape.vocabulary * shape.hidden if on_cpu and shape.architecture == "llama" else 0
    for_each = head if precision in _HEAD_IN_BF16 else 0
    once = head if precision in ("int8", "nf4") else 0
    answering = shape.vocabulary * (width + _LOGIT_COPIES) + for_each
    return cache_bytes(shape, precision, size) // 2 + size.rows * (reading + scores + answering) + once + _OBJECTS


def amount(num_bytes: int) -> str:
    """Bytes as people read them.

    >>> amount(28_100_000_000), amount(296_000_000)
    ('28.1 GB', '296 MB')
    """
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.0f} MB"


def _number_bytes(precision: str) -> int:
    return _NUMBER_BYTES.get(precision, 2)


def _place(plan: MemoryPlan) -> int:
    return _BEST_FIRST.index(plan.precision)
