"""As much of a model as tokens are looked at with: pieces of four characters, and scores that depend on the place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

PIECE = 4
HOSTILE = ("<b>", "${alert(1)}", "<img src=x onerror=alert(2)>", "{{7*7}}", "`${alert(3)}`", "</script>")


class WordTokenizer:
    """Takes each word for a token; as much of a tokenizer as prompts are counted with."""

    chat_template = bos_token = bos_token_id = eos_token_id = None

    def __init__(self) -> None:
        self.added_tokens_decoder: dict[int, Any] = {}
        self.all_special_tokens: list[str] = []

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": list(range(len(text.split())))}


class PieceTokenizer(WordTokenizer):
    """Takes every four characters for a token, and knows a few that a page must not run."""

    eos_token_id = 0
    all_special_ids = (0,)

    def __init__(self) -> None:
        super().__init__()
        self.pieces = ["<end>", *HOSTILE, *(f" alternative {place}" for place in range(40))]

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": [1] * len(text.split())}

    def encode(self, text: str) -> tuple[int, ...]:
        """The ids of a text, new pieces learnt."""
        ids = []
        for at in range(0, len(text), PIECE):
            piece = text[at : at + PIECE]
            if piece not in self.pieces:
                self.pieces.append(piece)
            ids.append(self.pieces.index(piece))
        return tuple(ids)

    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join(self.pieces[one] for one in ids)

    def convert_ids_to_tokens(self, token_id: int) -> str:
        return self.pieces[token_id]


class ScriptedModel:
    """Scores that are drawn once for each place and known piece."""

    config = generation_config = SimpleNamespace(eos_token_id=0)

    def __init__(self, tokenizer: PieceTokenizer) -> None:
        self.tokenizer = tokenizer

    def __call__(self, *, input_ids: Any, logits_to_keep: int, **_: Any) -> Any:
        import torch

        shape = (1, logits_to_keep, len(self.tokenizer.pieces))
        return SimpleNamespace(logits=2 * torch.randn(shape, generator=torch.Generator().manual_seed(0)))


def scripted_model(tokenizer: PieceTokenizer) -> Any:
    """What a host lends."""
    return SimpleNamespace(model=ScriptedModel(tokenizer), tokenizer=tokenizer, device="cpu")
