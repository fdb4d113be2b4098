import numpy as np
import pytest
import torch
from torch.nn.functional import log_softmax

from recsys.training.batches import NO_TARGET, collate
from recsys.training.examples import Example
from recsys.training.methods import add_trainable
from recsys.training.settings import LoraSettings
from recsys.training.target_loss import summed_loss


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    examples = [Example(rng.integers(3, 300, size).astype(np.int32), first) for size, first in ((9, 4), (6, 1), (3, 2))]
    return collate(examples, pad_token_id=0)


@pytest.mark.parametrize("load", ["load_tiny_gptj", "load_tiny_llama"])
@pytest.mark.parametrize("method", ["lora", "full"])
def test_loss_and_gradients_are_those_of_all_logits_row_by_row(request, load, method, batch):
    model = add_trainable(request.getfixturevalue(load)().model, method, LoraSettings(lora_dropout=0))
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:  # zeros at first, so that nothing would reach lora_A
            torch.nn.init.normal_(parameter, std=0.1)
    model.eval()
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    total, count = summed_loss(model, model.get_output_embeddings(), batch)
    total.backward()
    ours = {name: parameter.grad.clone() for name, parameter in trained.items() if parameter.grad is not None}
    model.zero_grad()

    # The oracle: one sequence at a time, without padding, every logit computed.
    expected = torch.zeros(())
    targets = 0
    for ids, mask, labels in zip(batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True):
        length = int(mask.sum())
        scores = log_softmax(model(input_ids=ids[None, :length]).logits[0].float(), dim=-1)
        for place in range(length):
            if labels[place] != NO_TARGET:
                expected = expected - scores[place, labels[place]]
                targets += 1
    expected.backward()
    assert int(count) == targets
    torch.testing.assert_close(total, expected, rtol=1e-5, atol=1e-4)
    assert ours.keys() == {name for name, parameter in trained.items() if parameter.grad is not None}
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, trained[name].grad, rtol=1e-3, atol=1e-4)


def test_logits_are_computed_for_targets_alone(load_tiny_gptj, batch):
    model = load_tiny_gptj().model
    head = model.get_output_embeddings()
    seen = []
    handle = head.register_forward_hook(lambda _module, _inputs, output: seen.append(tuple(output.shape)))
    _, count = summed_loss(model, head, batch)
    handle.remove()
    assert seen == [(int(count), head.out_features)]
    assert len(head._forward_pre_hooks) == 0
