import math
from collections import defaultdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import log_softmax

from recsys.errors import SettingsError
from recsys.generation.catalogue_trie import CatalogueTrie
from recsys.settings import PromptSettings
from recsys.training.batches import NO_TARGET, collate
from recsys.training.examples import Case, Example, ExampleWriter
from recsys.training.target_loss import summed_loss
from recsys.training.teacher import Teacher
from recsys.training.title_targets import TitleTargets

HISTORY = PromptSettings("history")


class Weighted:
    """Scores that depend on the history's last item, so that histories are told apart."""

    name = "weighted"

    def __init__(self, item_ids):
        self.item_ids = np.array(item_ids)

    def scores(self, histories):
        return np.array(
            [[(item * 7 + (h[-1] if h else 0) * 3) % 11 for item in self.item_ids] for h in histories], "f4"
        )


class Everybody:
    """One teacher for all users."""

    def __init__(self, teacher):
        self._teacher = teacher
        self.item_ids = frozenset(teacher.item_ids.tolist())

    def by_user(self, user_ids):
        yield self._teacher, list(range(len(user_ids)))


def as_dict(expected, values):
    """(row, place) → token → the value of that entry."""
    found = defaultdict(dict)
    entries = (expected.row, expected.place, expected.token, values)
    for row, place, token, value in zip(*(part.tolist() for part in entries), strict=True):
        found[row, place][token] = value
    return dict(found)


def by_brute_force(examples, sequences, teacher, known):
    """What is expected at each place, and what is listed, from the definition: titles that go on as the list does."""
    found, listed = {}, {}
    for row, example in enumerate(examples):
        for number, start in enumerate(example.starts):
            if not number or start < example.first_target:
                continue
            history, item = example.items[:number], example.items[number]
            shares = teacher.expect([history], [example.disliked])[0]
            weight = dict(zip(teacher.item_ids.tolist(), shares.tolist(), strict=True))
            for depth in range(len(sequences[item])):
                if depth and item not in known:
                    break  # no path of its own: only where it begins is anything expected
                prefix = sequences[item][:depth]
                going_on = {i: sequences[i][depth] for i in known if sequences[i][:depth] == prefix}
                total = sum(weight[i] for i in going_on)
                if len(set(going_on.values())) > 1 and total > 1e-9:
                    tokens = defaultdict(float)
                    for i, token in going_on.items():
                        tokens[token] += weight[i] / total
                    found[row, start + depth] = dict(tokens)
                    barred = {*history, *example.disliked}
                    # Titles of the same tokens are one: it is listed when all movies of that name are.
                    bodies = {tuple(sequences[i]) for i in going_on}
                    gone = {b for b in bodies if all(i in barred for i in known if tuple(sequences[i]) == b)}
                    listed[row, start + depth] = {
                        token: all(b in gone for b in bodies if b[depth] == token) for token in tokens
                    }
    return found, listed


@st.composite
def lists_of_titles(draw):
    """Titles over three tokens and a closing one, some of them unknown to the teacher or written alike."""
    bodies = draw(st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=3), min_size=4, max_size=8))
    sequences = {item: [*body, 9] for item, body in enumerate(bodies, start=1)}
    known = draw(st.lists(st.sampled_from(sorted(sequences)), min_size=2, unique=True))
    examples = []
    for items in draw(st.lists(st.permutations(sorted(sequences)), min_size=1, max_size=3)):
        items = items[:4]
        ids = np.array([7, 8, *(token for item in items for token in sequences[item])], np.int32)
        starts = np.cumsum([2, *(len(sequences[item]) for item in items)])[:-1].tolist()
        disliked = tuple(draw(st.lists(st.sampled_from(sorted(sequences)), max_size=2)))
        examples.append(Example(ids, draw(st.sampled_from([2, starts[1]])), tuple(items), tuple(starts), disliked, 5))
    return sequences, sorted(known), examples


@given(lists_of_titles())
@settings(deadline=None)
def test_the_expectation_at_each_place_is_that_over_the_titles_that_go_on_so(made):
    sequences, known, examples = made
    teacher = Teacher(Weighted(known), 0.7)
    trie = CatalogueTrie.of_sequences(known, [[sequences[item] for item in known]])
    expected = TitleTargets(trie, Everybody(teacher), 1.0)(examples)
    found = as_dict(expected, expected.probability)
    wanted, listed = by_brute_force(examples, sequences, teacher, known)
    assert as_dict(expected, expected.is_listed) == listed
    assert found.keys() == wanted.keys()
    for place, tokens in wanted.items():
        assert found[place].keys() == tokens.keys()
        np.testing.assert_allclose([found[place][t] for t in tokens], list(tokens.values()), atol=1e-6)


@pytest.fixture
def written(load_tiny_gptj, catalogue):
    """A tiny model, two examples of its lists, and what a teacher expects in them."""
    loaded = load_tiny_gptj()
    write = ExampleWriter(loaded.tokenizer, catalogue, HISTORY, loss_on="titles")
    examples = [write(Case((2571, 318), (260, 1), (), 3)), write(Case((1,), (589,), (), 4))]
    teacher = Teacher(Weighted([1, 260, 318, 589, 924]), 1.0)
    return loaded.model, examples, Everybody(teacher), write.trie(teacher.item_ids.tolist())


@pytest.mark.parametrize(("share", "unlikelihood"), [(0.3, 0), (1.0, 0), (0.5, 3.0)])
def test_the_loss_is_the_mean_over_titles_drawn_from_teachers_by_their_share(written, share, unlikelihood):
    model, examples, teachers, trie = written
    targets = TitleTargets(trie, teachers, share, unlikelihood)
    batch = collate(examples, pad_token_id=0, targets=targets)
    total, count = summed_loss(model, model.get_output_embeddings(), batch)
    assert int(count) == sum(len(example) - example.first_target for example in examples)

    expected = targets(examples)
    expectation, listed = as_dict(expected, expected.probability), as_dict(expected, expected.is_listed)
    assert any(any(tokens.values()) for tokens in listed.values())
    wanted = 0.0
    for row, example in enumerate(examples):
        scores = log_softmax(model(input_ids=torch.from_numpy(example.ids[None].astype(np.int64))).logits[0], dim=-1)
        for place in range(example.first_target, len(example)):
            taught = expectation.get((row, place))
            label = float(scores[place - 1, int(example.ids[place])])
            if taught is None:
                wanted -= label
            else:
                drawn = sum(p * float(scores[place - 1, token]) for token, p in taught.items())
                wanted -= share * drawn + (1 - share) * label
                repeated = sum(math.exp(scores[place - 1, t]) for t, gone in listed[row, place].items() if gone)
                wanted -= unlikelihood * math.log(1 - repeated)
    assert float(total) == pytest.approx(wanted, rel=1e-5)


def test_no_share_of_a_teacher_changes_nothing(written):
    model, examples, teachers, trie = written
    head = model.get_output_embeddings()
    taught, _ = summed_loss(model, head, collate(examples, pad_token_id=0, targets=TitleTargets(trie, teachers, 0.0)))
    plain, _ = summed_loss(model, head, collate(examples, pad_token_id=0))
    assert float(taught) == pytest.approx(float(plain), rel=1e-6)


def test_what_is_not_learnt_is_not_taught_either(load_tiny_gptj, catalogue):
    write = ExampleWriter(load_tiny_gptj().tokenizer, catalogue, HISTORY, loss_on="answer")
    example = write(Case((2571, 318, 260), (1, 589), (), 3))
    teacher = Teacher(Weighted([1, 260, 318, 589, 924]), 1.0)
    found = TitleTargets(write.trie(teacher.item_ids.tolist()), Everybody(teacher), 1.0)([example])
    assert found.place.min() == example.first_target == example.starts[3]
    batch = collate([example], pad_token_id=0, targets=TitleTargets(write.trie({1, 260}), Everybody(teacher), 1.0))
    assert (batch["labels"].flatten()[batch["expected_at"]] != NO_TARGET).all()


def test_prompts_that_are_no_plain_lists_have_nothing_to_teach(load_tiny_gptj, catalogue):
    write = ExampleWriter(load_tiny_gptj().tokenizer, catalogue, PromptSettings("few_shot"), loss_on="answer")
    with pytest.raises(SettingsError, match="lists of titles alone"):
        write.trie({1, 260})
    example = write(Case((2571, 318), (260,), (), 3))
    assert example.items == example.starts == ()


def test_examples_that_hold_one_title_teach_nothing(load_tiny_gptj, catalogue):
    write = ExampleWriter(load_tiny_gptj().tokenizer, catalogue, HISTORY, loss_on="titles")
    teacher = Teacher(Weighted([1, 260]), 1.0)
    found = TitleTargets(write.trie({1, 260}), Everybody(teacher), 1.0)([write(Case((), (260,)))])
    assert all(len(part) == 0 for part in found)
