import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.titles import move_article_to_front, normalise_title, split_alternatives, split_year

WORDS = st.text(alphabet=st.characters(categories=("L", "N")), min_size=1, max_size=12)
PLAIN_TITLES = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Star Wars (1977)", ("Star Wars", 1977)),
        ("Star Wars [1977]", ("Star Wars", 1977)),
        ("Star Wars  ( 1977 ) ", ("Star Wars", 1977)),
        ("Twin Peaks (1989-1990)", ("Twin Peaks", 1989)),
        ("Bates Motel (2013–)", ("Bates Motel", 2013)),
        ("2001: A Space Odyssey (1968)", ("2001: A Space Odyssey", 1968)),
        ("1984", ("1984", None)),
        ("(500) Days of Summer (2009)", ("(500) Days of Summer", 2009)),
        ("Blade Runner 2049", ("Blade Runner 2049", None)),
        ("The Future (3001)", ("The Future (3001)", None)),
        ("(1977)", ("(1977)", None)),
        ("", ("", None)),
    ],
)
def test_a_year_is_split_off_only_where_it_is_one(text, expected):
    assert split_year(text) == expected


@given(PLAIN_TITLES, st.integers(1800, 2199))
def test_any_title_and_year_come_apart_as_they_were_put_together(title, year):
    assert split_year(f"{title} ({year})") == (title, year)


@pytest.mark.parametrize(
    ("source", "readable"),
    [
        ("Shawshank Redemption, The", "The Shawshank Redemption"),
        ("Beautiful Mind, A", "A Beautiful Mind"),
        ("American Werewolf in London, An", "An American Werewolf in London"),
        ("Avventura, L'", "L'Avventura"),
        ("Boot, Das", "Das Boot"),
        ("Misérables, Les", "Les Misérables"),
        ("Valachi Papers,The", "The Valachi Papers"),
        ("Adventures of Priscilla, Queen of the Desert, The", "The Adventures of Priscilla, Queen of the Desert"),
        ("Monsters, Inc.", "Monsters, Inc."),
        ("I Love You, Man", "I Love You, Man"),
        ("Patrik 1,5", "Patrik 1,5"),
        (", The", ", The"),
    ],
)
def test_an_article_at_the_end_moves_to_the_front(source, readable):
    assert move_article_to_front(source) == readable


@given(PLAIN_TITLES, st.sampled_from(["The", "A", "An", "La", "Les", "Das", "El"]))
def test_every_title_gets_its_article_back(title, article):
    assert move_article_to_front(f"{title}, {article}") == f"{article} {title}"


@pytest.mark.parametrize(
    ("source", "title", "alternatives"),
    [
        ("Seven (a.k.a. Se7en)", "Seven", ("Se7en",)),
        ("European Vacation (aka National Lampoon's)", "European Vacation", ("National Lampoon's",)),
        ("City of Lost Children, The (Cité des enfants perdus, La)",
         "The City of Lost Children", ("La Cité des enfants perdus",)),
        ("Godzilla 1985 (Gojira) (Return of Godzilla, The)", "Godzilla 1985", ("Gojira", "The Return of Godzilla")),
        ("To Have, or Not (En avoir (ou pas))", "To Have, or Not", ("En avoir (ou pas)",)),
        ("(500) Days of Summer", "(500) Days of Summer", ()),
        ("Evangelion: 3.0 You Can (Not) Redo", "Evangelion: 3.0 You Can (Not) Redo", ()),
        ("Frontière(s)", "Frontière(s)", ()),
        ("Birdman: Or (The Unexpected Virtue of Ignorance)", "Birdman: Or (The Unexpected Virtue of Ignorance)", ()),
        ("Human Centipede II (Full Sequence), The", "The Human Centipede II (Full Sequence)", ()),
        ("Untitled ()", "Untitled", ()),
    ],
)  # fmt: skip
def test_titles_in_brackets_are_other_names_unless_they_belong_to_the_title(source, title, alternatives):
    assert split_alternatives(source) == (title, alternatives)


@given(PLAIN_TITLES, st.lists(PLAIN_TITLES, max_size=3))
def test_any_alternative_titles_are_found_in_their_order(title, alternatives):
    if title.casefold().endswith(" or"):
        title += "x"
    assert split_alternatives(title + "".join(f" ({name})" for name in alternatives)) == (title, tuple(alternatives))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Shawshank Redemption, The", "the SHAWSHANK redemption!"),
        ("Amélie", "amelie"),
        ("Pride & Prejudice", "Pride and Prejudice"),
        ("Ocean's Eleven", "Oceans Eleven"),
        ("Ocean‘s Eleven", "Ocean’s Eleven"),
        ("WALL·E", "Wall-E"),
        ("Straße", "STRASSE"),
        ("Ｓｔａｒ Ｗａｒｓ", "Star Wars"),
        ("Амели", "АМЕЛИ"),
    ],
)
def test_two_writings_of_one_title_are_equal(one, other):
    assert normalise_title(one) == normalise_title(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alien", "Aliens"),
        ("Them", "Then"),
        ("!!!", "???"),
        ("七人の侍", "羅生門"),
        ("The", "A"),
        ("Rocky II", "Rocky III"),
    ],
)
def test_two_titles_stay_two(one, other):
    assert normalise_title(one) != normalise_title(other)


@given(st.text(max_size=60))
def test_no_title_with_a_visible_character_normalises_to_nothing(text):
    assert bool(normalise_title(text)) == bool(text.strip())


@given(st.text(max_size=60))
def test_case_never_matters_for_ascii(text):
    ascii_text = text.encode("ascii", "ignore").decode()
    assert normalise_title(ascii_text.upper()) == normalise_title(ascii_text.lower())


@given(PLAIN_TITLES)
def test_spaces_around_and_between_words_do_not_matter(title):
    assert normalise_title("  " + title.replace(" ", " \t ") + " ") == normalise_title(title)


@given(st.text(max_size=80))
def test_any_text_is_taken_apart_without_an_error(text):
    title, year = split_year(text)
    assert year is None or str(year) in text
    name, alternatives = split_alternatives(title)
    assert all(alternatives)
    assert len(name) + sum(map(len, alternatives)) <= len(title) + 1  # "L',x": an article may gain one space


@pytest.mark.parametrize("text", [" " * 20_000 + "x", "(" * 20_000, " (" * 10_000, ", the" * 5_000, "(1999" * 4_000])
def test_a_long_hostile_text_takes_no_time(text):
    started = time.perf_counter()
    split_year(text)
    split_alternatives(text)
    normalise_title(text)
    assert time.perf_counter() - started < 1.0


def test_a_normal_form_of_many_articles_is_normal_itself():
    assert normalise_title(", , \ufffd, \ufffd, The (The 19(196565))") == "19 196565"
    assert normalise_title("The A Word") == normalise_title("word")
