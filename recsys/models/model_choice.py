"""What a person chose to generate with."""

from __future__ import annotations

from dataclasses import dataclass

from recsys.errors import SettingsError
from recsys.models.registry import DEFAULT_MODEL
from recsys.remote.settings import SERVED_PREFIX, is_served
from recsys.settings import INT8_THRESHOLD, Precision, require_number


@dataclass(frozen=True)
class ModelChoice:
    """What a person chose to generate with.

    Attributes:
        model: Registry name, local folder or Hub id.
        precision: auto, fp32, bf16, fp16, int8 or nf4.
        adapter: Name of an adapter, or None for the base model alone.
        int8_threshold: In int8, inputs of a layer above it are multiplied in half precision; 0 multiplies all in int8.
    """

    model: str = DEFAULT_MODEL
    precision: Precision = "auto"
    adapter: str | None = None
    int8_threshold: float = INT8_THRESHOLD

    def __post_init__(self) -> None:
        for name, value in (("model", self.model), ("adapter", self.adapter or "")):
            if not isinstance(value, str):
                raise SettingsError(f"{name} is not a name", seen=value, mend=f"choose one of the {name}s")
        require_number("int8_threshold", self.int8_threshold, 0, 1000)

    @property
    def words(self) -> list[str]:
        """The words of a command line that make this choice."""
        precision = [] if self.precision == "auto" else [f"--precision={self.precision}"]
        if self.int8_threshold != INT8_THRESHOLD:
            precision.append(f"--int8-threshold={self.int8_threshold:g}")
        engine = ["--engine=openai"] if is_served(self.model) else []
        model = f"--model={self.model.removeprefix(SERVED_PREFIX)}"
        return [*engine, model, *precision, *([f"--adapter={self.adapter}"] if self.adapter else [])]

    @property
    def base(self) -> tuple[object, ...]:
        """What names the base model in memory: all but the adapter."""
        return self.model, self.precision, self.int8_threshold
