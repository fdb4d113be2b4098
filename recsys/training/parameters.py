"""How many weights a method trains, counted on the meta device: nothing is downloaded, 65B takes a second.

>>> ParameterCounts(4_194_304, 6_742_609_920).line()
'trainable params: 4194304 || all params: 6742609920 || trainable%: 0.06220594176090199'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recsys.models.shapes import create_skeleton
from recsys.training.methods import add_trainable
from recsys.training.settings import LoraSettings, TrainingMethod

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


@dataclass(frozen=True)
class ParameterCounts:
    """The weights of a model that is about to be trained; tied ones count once.

    Attributes:
        trainable: Those that training changes.
        total: All, those that the method adds included.
    """

    trainable: int
    total: int

    def line(self) -> str:
        """One line in the form that PEFT printed when the story was written: no commas, every digit."""
        share = 100 * self.trainable / self.total
        return f"trainable params: {self.trainable} || all params: {self.total} || trainable%: {share}"


def count_trainable(config: PreTrainedConfig, lora: LoraSettings, method: TrainingMethod = "lora") -> ParameterCounts:
    """Counts what a method trains on a shape, by adding it to the shape's model as training does.

    Args:
        config: What shapes.find_shape returned.
        lora: The settings of LoRA.
        method: How the model is trained.

    Raises:
        SettingsError: when LoRA's targets are not layers of the model.
    """
    return count_parameters(add_trainable(create_skeleton(config), method, lora))


def count_parameters(model: Any) -> ParameterCounts:
    """Counts the weights of a model to which a method was added, not quantised to 4 bits."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return ParameterCounts(sum(size for size, trained in sizes if trained), sum(size for size, _ in sizes))
