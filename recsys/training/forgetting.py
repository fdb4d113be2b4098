"""What a model forgets of ordinary language while it learns titles: its perplexity on one fixed text.

The text is the opening of the United States Declaration of Independence and of Darwin's On the Origin of Species,
both in the public domain. It names no movie; a model that was trained on titles alone does badly on it before and
after, and is told as such. A model whose context is shorter than the text reads its beginning.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from recsys.generation.model_facts import context_length

if TYPE_CHECKING:
    from recsys.models.loading import LoadedModel

FORGETTING_TEXT = "general-v1"
"""Name of the text below; change it with the text."""

TEXT = """\
When in the Course of human events, it becomes necessary for one people to dissolve the political bands which have \
connected them with another, and to assume among the powers of the earth, the separate and equal station to which \
the Laws of Nature and of Nature's God entitle them, a decent respect to the opinions of mankind requires that they \
should declare the causes which impel them to the separation. We hold these truths to be self-evident, that all men \
are created equal, that they are endowed by their Creator with certain unalienable Rights, that among these are \
Life, Liberty and the pursuit of Happiness.

When on board H.M.S. Beagle, as naturalist, I was much struck with certain facts in the distribution of the \
inhabitants of South America, and in the geological relations of the present to the past inhabitants of that \
continent. These facts seemed to me to throw some light on the origin of species, that mystery of mysteries, as it \
has been called by one of our greatest philosophers. On my return home, it occurred to me, in 1837, that something \
might perhaps be made out on this question by patiently accumulating and reflecting on all sorts of facts which \
could possibly have any bearing on it. After five years' work I allowed myself to speculate on the subject, and drew \
up some short notes.
"""


def perplexity(loaded: LoadedModel, model: Any) -> float:
    """The exponential of the mean cross-entropy in nats over the text's tokens but the first, which nothing precedes.

    Args:
        loaded: Whose tokenizer reads the text.
        model: The model as it is now, with an adapter or without.
    """
    import torch
    from torch.nn.functional import cross_entropy

    ids = torch.tensor([loaded.tokenizer(TEXT)["input_ids"][: context_length(model)]], device=loaded.device)
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        logits = model(input_ids=ids).logits[0, :-1].float()
        loss = float(cross_entropy(logits, ids[0, 1:]))
    model.train(was_training)
    return round(math.exp(min(loss, 50.0)), 3)
