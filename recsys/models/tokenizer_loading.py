"""Loads the tokenizer of a model's folder, ready for batches that are answered together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a model's folder: padding on the left, pad token set.

    Raises:
        OSError, ImportError: when a file or a package is missing.
        ValueError: when a file is broken.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ImportError, ValueError):
        raise
    except Exception as error:
        raise ValueError(f"the tokenizer is broken: {error}") from error
    tokenizer.padding_side = "left"  # so that every row of a batch ends where its answer begins
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer
