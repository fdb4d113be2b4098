"""A small GPT-J from scratch that reads lists of movie titles: its shape and its training.

Its tokenizer is that of title_tokenizer.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.errors import SettingsError
from recsys.models.artifacts import Progress, silent
from recsys.models.distributed import is_first_process, take_device
from recsys.models.loading import LoadedModel, count_memory
from recsys.models.registry import ModelSpec
from recsys.settings import Settings, require_number
from recsys.training.parameters import count_parameters
from recsys.training.request import TrainingData, TrainingRequest
from recsys.training.run import run_training
from recsys.training.run_folder import hold_run, require_name, training_folder
from recsys.training.saving import save_model
from recsys.training.title_tokenizer import LEAST_BPE_TOKENS, train_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TITLES_ONLY = "It was trained on lists of movie titles and reads no English."
"""Why such a model reads no other prompt than the history style."""


@dataclass(frozen=True)
class PretrainSettings(Settings):
    """The shape of the model, in the names of transformers' GPTJConfig.

    Attributes:
        vocab_size: Tokens, the 256 bytes among them.
        n_embd: Width.
        n_layer: Layers.
        n_head: Attention heads.
        rotary_dim: Part of each head that is rotated by position.
        n_positions: The longest text in tokens.
        dropout: Share of activations that is dropped while training.
        num_samples: Sub-histories of an epoch.
        title_token_likes: A title that so many training users like is a token of its own; 0 makes none.
    """

    vocab_size: int = 6144
    n_embd: int = 256
    n_layer: int = 4
    n_head: int = 8
    rotary_dim: int = 16
    n_positions: int = 512
    dropout: float = 0.1
    num_samples: int = 20_000
    title_token_likes: int = 3

    def __post_init__(self) -> None:
        require_number("vocab_size", self.vocab_size, LEAST_BPE_TOKENS, 65_536, integer=True)
        require_number("n_embd", self.n_embd, 8, 4096, integer=True)
        require_number("n_layer", self.n_layer, 1, 64, integer=True)
        require_number("n_head", self.n_head, 1, 64, integer=True)
        require_number("rotary_dim", self.rotary_dim, 2, 256, integer=True)
        require_number("n_positions", self.n_positions, 64, 8192, integer=True)
        require_number("dropout", self.dropout, 0, 0.9)
        require_number("num_samples", self.num_samples, 1, 10_000_000, integer=True)
        require_number("title_token_likes", self.title_token_likes, 0, 1_000_000, integer=True)
        width, rest = divmod(self.n_embd, self.n_head)
        if rest or self.rotary_dim > width or self.rotary_dim % 2:
            raise SettingsError(
                "the heads do not fit the width",
                seen=f"n_embd {self.n_embd}, n_head {self.n_head}, rotary_dim {self.rotary_dim}",
                mend="n_embd must be a multiple of n_head, rotary_dim even and at most n_embd / n_head",
            )


def create_model(
    name: str, tokenizer: PreTrainedTokenizerBase, settings: PretrainSettings, *, seed: int
) -> LoadedModel:
    """A GPT-J with random weights in fp32, as if it had been loaded."""
    import torch
    from transformers import GenerationConfig, GPTJConfig, GPTJForCausalLM, set_seed

    set_seed(seed)
    config = GPTJConfig(
        vocab_size=len(tokenizer),
        n_embd=settings.n_embd,
        n_layer=settings.n_layer,
        n_head=settings.n_head,
        rotary_dim=settings.rotary_dim,
        n_positions=settings.n_positions,
        resid_pdrop=settings.dropout,
        embd_pdrop=settings.dropout,
        attn_pdrop=settings.dropout,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    device = take_device("auto")
    model: Any = GPTJForCausalLM(config)
    model.to(torch.device(device))
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    return LoadedModel(
        spec=ModelSpec(name, name, "folder", name, "gptj", count_parameters(model).total, "Apache-2.0"),
        model=model,
        tokenizer=tokenizer,
        precision="fp32",
        precision_reason="All weights are trained, which takes fp32.",
        device=device,
        weight_hash=f"random weights of seed {seed}",
        memory_bytes=count_memory(model),
    )


def pretrain(
    request: TrainingRequest,
    data: TrainingData,
    settings: PretrainSettings,
    *,
    out: Path,
    progress: Progress = silent,
    restart: bool = False,
    report_to: str = "none",
) -> Path | None:
    """Fits the tokenizer, trains the model and writes its folder.

    Args:
        request: What and how; its method is "full".
        data: What it learns from.
        settings: The model's shape.
        out: The result is a folder of the request's name in it.
        progress: Told how far it is.
        restart: Forget an earlier start.
        report_to: none, wandb or trackio.

    Returns:
        The folder that was written; None in all processes but the first.

    Raises:
        RecsysError: for whatever is wrong; nothing is written then but the run's checkpoints.
        KeyboardInterrupt: after a clean stop.
    """
    require_name(request.name)
    progress(0.0, "Fitting the tokenizer.")
    tokenizer = train_tokenizer(
        data.catalogue,
        data.split.likes_of(*request.training.learnt_users),
        request.prompt,
        vocab_size=settings.vocab_size,
        title_token_likes=settings.title_token_likes,
        longest=settings.n_positions,
    )
    loaded = create_model(request.name, tokenizer, settings, seed=request.training.seed)
    folder = training_folder() / request.name
    with hold_run(folder):
        result = run_training(request, data, loaded, folder, progress=progress, restart=restart, report_to=report_to)
        if not is_first_process():
            return None
        notes = {**result.notes, "shape": settings.to_dict(), "note": TITLES_ONLY}
        del notes["base_model"], notes["base_weight_hash"]
        save_model(result.model, tokenizer, out / request.name, notes=notes, curves=result.curves)
    return out / request.name
