from functools import partial

import pytest

from recsys.errors import SettingsError
from recsys.settings import PromptSettings
from recsys.training.title_tokenizer import train_tokenizer

train = partial(train_tokenizer, prompt=PromptSettings("history"), vocab_size=600, title_token_likes=3, longest=512)


OFTEN = dict.fromkeys(range(100, 150), (260, 1201, 589))
"""What so many like that the merges there is room for go to these titles."""


def test_a_title_that_three_training_users_like_is_one_token_and_another_is_not(catalogue):
    likes = {1: (2571, 318), 2: (2571, 318), 3: (2571,), **OFTEN}
    tokenizer = train(catalogue, likes, vocab_size=304)
    tokens = tokenizer.tokenize("Disliked: Spirited Away;\nLiked: The Matrix; The Shawshank Redemption;")
    assert "ĠTheĠMatrix;" in tokens
    assert "ĠTheĠShawshankĠRedemption;" not in tokens


def test_without_titles_of_their_own_merges_alone_make_one_of_what_many_like(catalogue):
    likes = dict.fromkeys(range(30), (2571, 318))
    tokenizer = train(catalogue, likes, title_token_likes=0)
    tokens = tokenizer.tokenize("Disliked: Spirited Away;\nLiked: The Matrix; The Shawshank Redemption;")
    assert tokens[0] == "Disliked:"
    assert tokens[-3:] == ["Liked:", "ĠTheĠMatrix;", "ĠTheĠShawshankĠRedemption;"]
    assert "ĠTheĠMatrix;" not in train(catalogue, {1: (2571,)}, title_token_likes=0, vocab_size=300).get_vocab()


def test_a_title_is_one_token_as_a_whole_and_never_the_end_of_another(catalogue):
    tokenizer = train(catalogue, {**dict.fromkeys(range(3), (1,)), **OFTEN}, vocab_size=304)
    assert tokenizer.tokenize(" Toy Story;") == ["ĠToyĠStory;"]
    assert "ĠToyĠStory;" not in tokenizer.tokenize(" My Toy Story;")


def test_what_nobody_of_the_training_users_likes_leaves_no_trace_but_its_title(catalogue):
    one = train(catalogue, {1: (2571,)})
    other = train(catalogue, {1: (2571,), 2: ()})
    assert one.get_vocab() == other.get_vocab()
    assert one.get_vocab() != train(catalogue, {1: (2571,), 2: (318,) * 50}).get_vocab()


@pytest.mark.parametrize("title_token_likes", [0, 1])
def test_a_tokenizer_takes_any_text_apart_and_puts_it_together_again(catalogue, title_token_likes):
    tokenizer = train(catalogue, {1: (1, 2571)}, title_token_likes=title_token_likes)
    for text in ("Liked: Amélie; 千と千尋の神隠し; Toy Story;", "no list at all", " ;;\n; ", "\x00\x7f🎬"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_titles_that_leave_no_room_for_bytes_are_refused_with_the_size_it_takes(catalogue):
    with pytest.raises(SettingsError, match="2 titles leave no room") as refused:
        train(catalogue, {1: (2571, 318)}, vocab_size=301, title_token_likes=1)
    assert "raise vocab_size to 302" in str(refused.value)
