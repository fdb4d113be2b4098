"""Knows LLaMA weights in the form that Meta handed out, and the command that converts them.

Such a folder holds params.json and pickles named consolidated.00.pth, consolidated.01.pth …, one for each GPU that
the model was cut for. Pickles can run code and the tensors are permuted, so they are not loaded here. transformers
had a converter, which its packages hold up to 4.46.3 and later ones leave out: that release is installed beside.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recsys.errors import UnknownModelError

CONVERTER_RELEASE = "4.46.3"
"""The last release of transformers that was seen to carry the converter in its package."""
_CONVERTER = "transformers.models.llama.convert_llama_weights_to_hf"
_NEEDED = f"transformers=={CONVERTER_RELEASE} torch accelerate sentencepiece protobuf tiktoken"
_LLAMA_3_VOCABULARY, _LLAMA_3_2_WIDTH = 100_000, 4096
_NORM_OF_LLAMA_2 = 1e-5
"""The epsilon of its norms, LLaMA 1 has 1e-6."""


def refuse_meta_weights(folder: Path) -> None:
    """Refuses a folder of Meta's form with the commands that make a folder of transformers' form.

    Raises:
        UnknownModelError: when the folder is of that form and holds no config.json beside it.
    """
    parts = sorted(folder.glob("consolidated.*.pth"))
    if not parts or (folder / "config.json").exists() or not (folder / "params.json").is_file():
        return
    raise UnknownModelError(
        "the folder holds LLaMA weights in Meta's own format",
        seen=f"{parts[0].name}, {len(parts)} such files and params.json",
        mend=conversion_mend(folder, len(parts), _read_params(folder / "params.json")),
    )


def conversion_mend(folder: Path, num_parts: int, params: Mapping[str, Any]) -> str:
    """What to run, in words: the commands, and the folder that they write.

    Args:
        folder: Holds the weights.
        num_parts: Number of consolidated files.
        params: What params.json says; tells which LLaMA it is.
    """
    target = folder.resolve().with_name(f"{folder.resolve().name}-hf")
    words = ["convert/bin/python", "-m", _CONVERTER, "--input_dir", str(folder.resolve())]
    words += ["--num_shards", str(num_parts), "--output_dir", str(target), "--llama_version", llama_version(params)]
    steps = [f"python -m venv convert && convert/bin/pip install {_NEEDED}", shlex.join(words)]
    moved = "" if (folder / "tokenizer.model").is_file() else "put tokenizer.model into that folder first, then "
    return f"{moved}convert them once: {' && '.join(steps)}; then name the folder {target}"


def llama_version(params: Mapping[str, Any]) -> str:
    """Which LLaMA these parameters are of, as the converter's --llama_version takes it.

    It decides the tokenizer's kind and the length of the context; the sizes are read from params.json.
    """
    if params.get("vocab_size", -1) > _LLAMA_3_VOCABULARY:
        if not params.get("use_scaled_rope"):
            return "3"
        return "3.2" if params.get("dim", _LLAMA_3_2_WIDTH) < _LLAMA_3_2_WIDTH else "3.1"
    return "2" if params.get("norm_eps", 0) >= _NORM_OF_LLAMA_2 else "1"


def _read_params(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    params = read.get("model", read) if isinstance(read, dict) else None
    if not isinstance(params, dict):
        return {}
    # Numbers alone are asked for: anything else in a broken file would make the comparison fail.
    return {name: value for name, value in params.items() if isinstance(value, (int, float))}
