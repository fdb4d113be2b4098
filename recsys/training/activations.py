"""The bytes that one forward pass keeps for the backward pass, as a formula over the sizes of a layer.

The way of counting is that of Korthikanti et al. 2022 (arXiv 2205.05198, section 4: s·b·h·(34 + 5·a·s/h) bytes for a
GPT layer that is trained in 16 bits): add up what each operation of a layer must remember. Two things differ here.
A layer whose weights are frozen forgets its input, since no gradient of the weights is wanted; and the operations
are those of transformers' LLaMA (RMSNorm in fp32, fused attention that keeps no scores, SwiGLU) and GPT-J (attention
written out with fp32 scores, GELU written out), beside what PEFT's layers keep.

For each token and layer, with w bytes of the working precision, h the hidden width, q and k the widths of queries and
of keys, i the MLP's, a heads and s tokens:

    LLaMA   norms 8h + 8      attention w·(2q + 2k) + 4a           MLP 3·w·i
    GPT-J   norm  w·h + 2w    attention 8q + w·q + (4 + w₁₆)·a·s   MLP 4·w·i      (w₁₆ = w in 16 bits, 0 in fp32)

and for each layer that LoRA adapts, of n inputs and m outputs: 4n for its input in fp32, 4n for the dropout mask and
4r (on a GPU, under autocast, w·n, n and w·r). DoRA keeps 8m more, and 4·n² + 4·n·m once for the batch. IA3 keeps the
output of what it scales (4n before the MLP's second half), a prefix 20 more keys and values. Linear layers whose
weights are trained, or held in int8 (bitsandbytes remembers their inputs), keep those inputs too. Gradient
checkpointing keeps each layer's input, and everything of the one layer that is being computed again.

Against what autograd keeps on a CPU for small models of both architectures the formula is exact to 1% for LoRA and
full training, and to 10% for the other methods (tests/training/test_activations.py). GPU terms were never measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from recsys.training.methods import NUM_VIRTUAL_TOKENS
from recsys.training.settings import LoraSettings, TrainingMethod

HeldIn = Literal["fp32", "bf16", "fp16", "int8", "nf4"]
"""What base weights are held in; int8 computes in fp16, nf4 (QLoRA's 4 bits) in bf16."""

_GELU_COPIES, _SWIGLU_COPIES = 4, 3
_FP32 = 4


@dataclass(frozen=True)
class LayerSizes:
    """The sizes of a layer that decide what it keeps."""

    architecture: str
    hidden: int
    queries: int
    key_values: int
    intermediate: int
    heads: int
    layers: int

    @classmethod
    def of(cls, config: Any) -> LayerSizes:
        """The sizes of a transformers configuration."""
        hidden, heads = config.hidden_size, config.num_attention_heads
        if config.model_type == "gptj":
            return cls("gptj", hidden, hidden, hidden, config.n_inner or 4 * hidden, heads, config.num_hidden_layers)
        head = config.head_dim or hidden // heads
        key_values = config.num_key_value_heads * head
        return cls("llama", hidden, heads * head, key_values, config.intermediate_size, heads, config.num_hidden_layers)


@dataclass(frozen=True)
class AdaptedLayers:
    """The widths of the layers that a method adapts, over the whole model.

    Attributes:
        lora: Inputs and outputs of every layer with a LoRA update.
        scaled: Widths of what IA3 scales at a layer's output.
        scaled_inputs: Widths of what it scales at the MLP's second half.
    """

    lora: tuple[tuple[int, int], ...] = ()
    scaled: tuple[int, ...] = ()
    scaled_inputs: tuple[int, ...] = ()

    @classmethod
    def of(cls, model: Any) -> AdaptedLayers:
        """Reads them from a model to which methods.add_trainable added its weights."""
        lora = tuple((m.in_features, m.out_features) for m in model.modules() if getattr(m, "lora_A", None))
        ia3 = [module for module in model.modules() if getattr(module, "ia3_l", None)]
        scaled = tuple(module.out_features for module in ia3 if not module.is_feedforward)
        return cls(lora, scaled, tuple(module.in_features for module in ia3 if module.is_feedforward))


@dataclass(frozen=True)
class Activations:
    """What counts what a forward pass keeps.

    Attributes:
        sizes: Of a layer.
        adapted: Widths of the adapted layers.
        method: How the model is trained.
        lora: The settings of LoRA.
        held_in: Of the base weights.
        on_gpu: Whether it runs under autocast with dropout masks of a byte, as on a GPU.
    """

    sizes: LayerSizes
    adapted: AdaptedLayers
    method: TrainingMethod
    lora: LoraSettings
    held_in: HeldIn
    on_gpu: bool = False

    @property
    def working_bytes(self) -> int:
        """Bytes of a number between layers."""
        return _FP32 if self.held_in == "fp32" else 2

    def kept_bytes(self, num_sequences: int, sequence_length: int, *, checkpointed: bool = False) -> int:
        """Bytes that are kept from the forward to the backward pass.

        Args:
            num_sequences: Of one forward pass.
            sequence_length: Tokens of each, padding included.
            checkpointed: Whether each layer keeps its input alone and is computed again.
        """
        tokens = num_sequences * sequence_length
        layers = self.sizes.layers
        base = layers * tokens * self._layer_per_token(sequence_length)
        added = tokens * self._adapted_per_token() + self._adapted_once()
        if not checkpointed:
            return int(base + added)
        return int(layers * tokens * self.working_bytes * self.sizes.hidden + (base + added) / layers)

    def _layer_per_token(self, length: int) -> float:
        own = self._llama() if self.sizes.architecture == "llama" else self._gptj(length)
        kept = own + self._linear_inputs()
        if self.method == "prefix":
            kept += self.working_bytes * 2 * (self.sizes.key_values + self.sizes.queries * NUM_VIRTUAL_TOKENS / length)
        return kept

    def _llama(self) -> float:
        sizes, w = self.sizes, self.working_bytes
        norms = 2 * (_FP32 * sizes.hidden + _FP32)
        # Batches are padded at their ends and need no mask, so grouped keys and values are not repeated to all heads.
        attention = w * 2 * (sizes.queries + sizes.key_values) + _FP32 * sizes.heads
        return norms + attention + _SWIGLU_COPIES * w * sizes.intermediate

    def _gptj(self, length: int) -> float:
        sizes, w = self.sizes, self.working_bytes
        norm = w * sizes.hidden + 2 * w
        scores = (_FP32 + (w if w < _FP32 else 0)) * sizes.heads * length
        attention = 2 * _FP32 * sizes.queries + w * sizes.queries + scores
        return norm + attention + _GELU_COPIES * w * sizes.intermediate

    def _linear_inputs(self) -> float:
        sizes, w = self.sizes, self.working_bytes
        if self.method != "full" and self.held_in != "int8":
            return 0
        if sizes.architecture == "gptj":
            return w * (sizes.hidden + sizes.queries + sizes.intermediate)
        # A norm whose weight is trained keeps its result before and after it.
        normalised = 2 * _FP32 * sizes.hidden if self.method == "full" else 0
        return normalised + w * (2 * sizes.hidden + sizes.intermediate)

    def _adapted_per_token(self) -> float:
        copy = self.working_bytes if self.on_gpu else _FP32
        mask = 0 if not self.lora.lora_dropout else 1 if self.on_gpu else _FP32
        kept = 0.0
        for inputs, outputs in self.adapted.lora:
            kept += (copy + mask) * inputs + copy * self.lora.r
            kept += 2 * _FP32 * outputs if self.lora.use_dora else 0
        kept += sum(self.working_bytes * width for width in self.adapted.scaled)
        return kept + sum(_FP32 * width for width in self.adapted.scaled_inputs)

    def _adapted_once(self) -> int:
        if not self.lora.use_dora:
            return 0
        return sum(_FP32 * inputs * (inputs + outputs) for inputs, outputs in self.adapted.lora)
