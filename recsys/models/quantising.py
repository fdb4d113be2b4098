"""Makes the weights of bitsandbytes' int8 and nf4 layers out of a file, piece by piece.

What comes out is, bit for bit, what bitsandbytes makes of the whole tensor: int8 scales each row by itself and nf4
each run of 64 weights, and no piece cuts through either. Never there at once: the tensor in full precision.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from recsys.models.tensor_reading import read_pieces
from recsys.models.weights import TensorEntry

if TYPE_CHECKING:
    import torch

NF4_BLOCK = 64
"""Weights that share one scale in nf4."""
_PACKED_ROWS = 32


def is_quantised(layer: Any) -> bool:
    """Whether a layer's weights are to be in int8 or nf4."""
    from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt

    return isinstance(layer, (Linear8bitLt, Linear4bit))


def place_quantised(layer: Any, entry: TensorEntry, dtype: torch.dtype, device: str) -> None:
    """Reads a layer's weights and leaves them in it, quantised.

    Args:
        layer: A Linear8bitLt or Linear4bit on the meta device.
        entry: Where its weights are, (out_features, in_features).
        dtype: What they are rounded to first, as the model computes.
        device: Where they go.
    """
    from bitsandbytes.nn.modules import Int8Params, Linear8bitLt, Params4bit

    if isinstance(layer, Linear8bitLt):
        weights, scales = _to_int8(entry, device)
        layer.weight = Int8Params(weights, requires_grad=False, has_fp16_weights=False, CB=weights, SCB=scales)
        return
    packed, state = _to_nf4(entry, dtype, device)
    layer.weight = Params4bit(
        packed,
        requires_grad=False,
        quant_state=state,
        blocksize=NF4_BLOCK,
        compress_statistics=False,
        quant_type="nf4",
        module=layer,
        bnb_quantized=True,
    )
    layer.quant_state = state
    layer.register_state_dict_pre_hook(_hide_packing)
    layer.register_state_dict_post_hook(_show_packing)
    if layer.out_features % _PACKED_ROWS or layer.in_features % NF4_BLOCK:
        layer.support_avx512bf16_for_cpu = False  # bitsandbytes would fail to pack such sizes


def keep_unpacked(model: Any) -> None:
    """Takes 4-bit weights back from the layout in which processors with AVX512-BF16 multiply, for good.

    bitsandbytes packs them at the first use. That makes inference fast, but no gradient passes and nothing else can
    read the weights: DoRA does.
    """
    from bitsandbytes import functional
    from bitsandbytes.nn.modules import Linear4bit

    bnb: Any = functional
    for layer in model.modules():
        if isinstance(layer, Linear4bit):
            layer.support_avx512bf16_for_cpu = False
            weight: Any = layer.weight
            if getattr(weight.quant_state, "packing_format_for_cpu", False):
                scales = weight.quant_state.absmax.T.reshape(-1).float()  # the inverse leaves them as packing did
                weight.data, state = bnb._convert_weight_packed_for_cpu_inverse(weight.data, weight.quant_state)
                state.absmax = scales


def _hide_packing(layer: Any, *_: object) -> None:
    """PEFT asks for a state dict to read its names, and bitsandbytes 0.50 would unpack the weights for it, wrongly.

    So the state dict of a model that was used on such a processor holds packed weights; nobody saves one.
    """
    state = layer.weight.quant_state
    state.hidden_packing = getattr(state, "packing_format_for_cpu", False)
    state.packing_format_for_cpu = False


def _show_packing(layer: Any, *_: object) -> None:
    state = layer.weight.quant_state
    state.packing_format_for_cpu = state.hidden_packing


def extra_bytes(layer: Any) -> int:
    """Bytes of a quantised layer's scales, which are neither parameters nor buffers; 0 for any other module."""
    weight = getattr(layer, "weight", None)
    scales = [getattr(weight, "SCB", None), getattr(getattr(layer, "state", None), "SCB", None)]
    scales.append(getattr(getattr(weight, "quant_state", None), "absmax", None))
    return next((scale.numel() * scale.element_size() for scale in scales if scale is not None), 0)


def _to_int8(entry: TensorEntry, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    import torch
    from bitsandbytes.functional import int8_vectorwise_quant

    weights = torch.empty(entry.shape, dtype=torch.int8, device=device)
    scales = torch.empty(entry.shape[0], dtype=torch.float32, device=device)
    for rows, piece in read_pieces(entry):
        weights[rows], scales[rows], _ = int8_vectorwise_quant(piece.to(device=device, dtype=torch.float16))
    return weights, scales


def _to_nf4(entry: TensorEntry, dtype: torch.dtype, device: str) -> tuple[torch.Tensor, Any]:
    import torch
    from bitsandbytes import functional

    bnb: Any = functional  # its functions have no types
    num, row = entry.num_parameters, entry.shape[1]
    packed = torch.empty(((num + 1) // 2, 1), dtype=torch.uint8, device=device)
    scales = torch.empty(math.ceil(num / NF4_BLOCK), dtype=torch.float32, device=device)
    for rows, piece in read_pieces(entry):
        first, half = rows.start * row // NF4_BLOCK, rows.start * row // 2
        bits, state = bnb.quantize_4bit(
            piece.to(device=device, dtype=dtype), blocksize=NF4_BLOCK, compress_statistics=False, quant_type="nf4"
        )
        packed[half : half + len(bits)] = bits
        scales[first : first + len(state.absmax)] = state.absmax
    code = bnb.get_4bit_type("nf4", device=torch.device(device))
    shape = torch.Size(entry.shape)
    return packed, bnb.QuantState(scales, shape=shape, code=code, blocksize=NF4_BLOCK, quant_type="nf4", dtype=dtype)
