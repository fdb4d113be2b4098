"""Lists as models write them, and texts that are no list."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.catalogue import Catalogue, Movie
from recsys.parsing import is_list_complete, parse_completion
from recsys.parsing.parser import MAX_TITLES
from recsys.prompts import render, render_answer
from recsys.settings import PromptSettings

SOURCES = (
    "Alien (1979)",
    "Aliens (1986)",
    "Heat (1995)",
    "Jaws (1975)",
    "Up (2009)",
    "Brazil (1985)",
    "Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il) (1966)",
    "Shawshank Redemption, The (1994)",
    "sex, lies, and videotape (1989)",
    "12 Angry Men (1957)",
    "2001: A Space Odyssey (1968)",
    "(500) Days of Summer (2009)",
    "10 Things I Hate About You (1999)",
    "1984 (1984)",
    "300 (2007)",
    "21 (2008)",
    "Star Wars: Episode IV - A New Hope (1977)",
    "Sense and Sensibility (1995)",
    "Kill Bill: Vol. 2 (2004)",
    "*batteries not included (1987)",
    "[REC] (2007)",
    "M*A*S*H (a.k.a. MASH) (1970)",
    "Monsters, Inc. (2001)",
    "I Know What You Did Last Summer (1997)",
    "Either; Or (1990)",
    "Left => Right (1991)",
    "20,000 Leagues Under the Sea (1954)",
    "Seven Samurai (七人の侍) (1954)",
)
CATALOGUE = Catalogue(tuple(Movie.from_source(i, s, None, ("Drama",)) for i, s in enumerate(SOURCES, start=1)))


def parse(text, n=4, **options):
    return parse_completion(text, CATALOGUE, num_recommendations=n, **options)


def titles(text, n=9, **options):
    return [title.title for title in parse(text, n, **options).titles]


def complete(text, n, **options):
    return is_list_complete(text, CATALOGUE, num_recommendations=n, **options)


@pytest.mark.parametrize(
    ("text", "list_format"),
    [
        (" Alien (1979); Heat (1995); Jaws (1975);", "separated"),
        ("Alien (1979), Heat (1995), Jaws (1975)", "comma"),
        ("Alien (1979), Heat (1995), and Jaws (1975).", "comma"),
        ("Alien (1979)\nHeat (1995)\nJaws (1975)\n", "newline"),
        ("Alien (1979)\n\nHeat (1995)\n\nJaws (1975)\n", "newline"),
        ("- Alien (1979)\n- Heat (1995)\n* Jaws (1975)", "newline"),
        ("1. Alien (1979)\n2. Heat (1995)\n3. Jaws (1975)", "numbered"),
        ("1) Alien (1979)\n2) Heat (1995)\n3) Jaws (1975)", "numbered"),
        ("1. Alien (1979) 2. Heat (1995) 3. Jaws (1975)", "numbered"),
        ("1. Alien (1979), 2. Heat (1995), 3. Jaws (1975)", "numbered"),
        ("1.Alien (1979)\n2.Heat (1995)\n3.Jaws (1975)", "numbered"),
        ("1. **Alien** (1979)\n2. **Heat (1995)**\n3. *Jaws* (1975)", "numbered"),
        ("Alien (1979) => Heat (1995) => Jaws (1975)", "arrow"),
        ("Alien (1979) -> Heat (1995) → Jaws (1975)", "arrow"),
        ("[Alien (1979), Heat (1995), Jaws (1975)]", "comma"),
        ('["Alien (1979)", "Heat (1995)", "Jaws (1975)"]', "comma"),
        ('"Alien" (1979); “Heat” (1995); «Jaws» (1975)', "separated"),
        ("Alien, 1979, Heat, 1995, Jaws, 1975", "comma"),
        ("Alien [1979]; Heat [1995]; Jaws [1975]", "separated"),
        ("Alien 1979; Heat 1995; Jaws 1975", "separated"),
        ("Alien (1979) Heat (1995) Jaws (1975)", "separated"),
    ],
)
def test_every_common_way_of_listing_gives_the_same_three_titles(text, list_format):
    parsed = parse(text)
    assert [(t.rank, t.title, t.year) for t in parsed.titles] == [
        (1, "Alien", 1979),
        (2, "Heat", 1995),
        (3, "Jaws", 1975),
    ]
    assert (parsed.list_format, parsed.problem, parsed.num_titles) == (list_format, None, 3)
    assert parsed.is_well_formed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Good, the Bad and the Ugly, Alien", ["The Good, the Bad and the Ugly", "Alien"]),
        ("The Good, The Bad, And The Ugly, Alien", ["The Good, The Bad, And The Ugly", "Alien"]),
        ("Alien, Good, the Bad and the Ugly, The (1966)", ["Alien", "Good, the Bad and the Ugly, The"]),
        ("Shawshank Redemption, The (1994), Heat", ["Shawshank Redemption, The", "Heat"]),
        ("Unknown Thing, The, Heat", ["Unknown Thing, The", "Heat"]),
        ("Sex, Lies, and Videotape, Monsters, Inc., Up", ["Sex, Lies, and Videotape", "Monsters, Inc.", "Up"]),
        ("Either; Or; Alien", ["Either; Or", "Alien"]),
        ("Left => Right => Alien", ["Left => Right", "Alien"]),
        ("Star Wars: Episode IV - A New Hope, Up", ["Star Wars: Episode IV - A New Hope", "Up"]),
        ("20,000 Leagues Under the Sea, Up", ["20,000 Leagues Under the Sea", "Up"]),
        ("Sense and Sensibility, Alien and Heat", ["Sense and Sensibility", "Alien", "Heat"]),
        ("Alien and Heat", ["Alien", "Heat"]),
        ("1984, Brazil", ["1984", "Brazil"]),
        ("Brazil, 1984", ["Brazil", "1984"]),
        ("300, 21, Up", ["300", "21", "Up"]),
        ("[REC]; *batteries not included; M*A*S*H", ["[REC]", "*batteries not included", "M*A*S*H"]),
        ("七人の侍; Alien", ["七人の侍", "Alien"]),
        ('"Hello, Wrld", "Alien"', ["Hello, Wrld", "Alien"]),
    ],
)
def test_a_title_with_a_separator_in_it_survives(text, expected):
    assert titles(text) == expected


def test_titles_that_start_with_a_number_survive_in_every_list():
    names = ["12 Angry Men", "2001: A Space Odyssey", "(500) Days of Summer", "10 Things I Hate About You", "300"]
    assert titles("\n".join(names)) == names
    assert titles("; ".join(names)) == names
    assert titles("\n".join(f"{i}. {name}" for i, name in enumerate(names, start=1))) == names
    assert titles(" ".join(f"{i}) {name}" for i, name in enumerate(names, start=1))) == names


def test_a_number_in_a_title_is_no_marker_unless_it_goes_on_counting():
    assert titles("1. Kill Bill: Vol. 2\n2. Alien") == ["Kill Bill: Vol. 2", "Alien"]


def test_titles_that_the_catalogue_does_not_know_are_kept_as_written():
    parsed = parse("The Lost Lighthouse (1999); Hello, Wrld; Alien;")
    assert [(t.title, t.year) for t in parsed.titles] == [
        ("The Lost Lighthouse", 1999),
        ("Hello, Wrld", None),
        ("Alien", None),
    ]


def test_a_bare_number_at_the_end_is_a_year_only_where_a_movie_is_of_that_year():
    assert [(t.title, t.year) for t in parse("Heat 1995; Heat 2049").titles] == [("Heat", 1995), ("Heat 2049", None)]


def test_titles_are_cut_at_the_number_asked_for_but_counted_to_the_end():
    parsed = parse("Alien; Heat; Jaws; Up; Brazil;", n=2)
    assert [t.title for t in parsed.titles] == ["Alien", "Heat"]
    assert parsed.num_titles == 5


def test_a_title_cut_off_in_the_middle_is_kept_but_not_counted():
    assert titles("Alien; Heat; The Shawsh") == ["Alien", "Heat", "The Shawsh"]
    assert parse("Alien; Heat; The Shawsh", cut_off=True).num_titles == 2
    assert parse("Alien; Heat; The Shawsh").num_titles == 3


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        (" \n\t ", "empty"),
        ("... --- ;;;", "empty"),
        ("def f(x):\n    return x", "code"),
        ("[1, 2, 3]", "code"),
        ("1, 2, 3", "code"),
        ("print('Alien')", "code"),
        ("import os\nimport sys", "code"),
        ('{"title": "Nothing"}', "code"),
        ("```python\nx = 1\n```", "code"),
        ("<div class='a'>hello</div>", "code"),
        ("I recommend watching Alien because it is a great movie about space.", "prose"),
        ("I recommend watching Alien (1979) and Heat (1995).", "prose"),
        ("The story is about a man who finds a map, travels to an island, and meets a king.", "prose"),
        ("1. You should think about what you like.\n2. Then you can watch it with your friends.", "prose"),
        ("我推荐你看这些电影，还有很多别的", "other_script"),
        ("Привет мир; это фильм; ещё один", "other_script"),
        ("إليك بعض الأفلام", "other_script"),
        ("Alien\n这是一部非常好看的电影我很喜欢它的故事", "other_script"),
    ],
)
def test_a_text_that_is_no_list_is_reported_and_not_cut_into_titles(text, problem):
    parsed = parse(text)
    assert (parsed.problem, parsed.titles, parsed.list_format, parsed.num_titles) == (problem, (), "none", 0)
    assert not parsed.is_well_formed


@pytest.mark.parametrize(
    "text",
    [
        "Sure! Here are 3 movies:\n1. Alien\n2. Heat\n3. Jaws",
        "Sure! Here are some movies: Alien; Heat; Jaws",
        "Alien\nHeat\nJaws\n\nI hope that you enjoy these films!",
        "1. Alien (1979) - A crew is hunted by a monster.\n2. **Heat**: Cops and robbers in a big city.\n3. Jaws",
        "Alien (1979) - A horror film\nHeat (1995) - Cops\nJaws (1975)",
    ],
)
def test_a_list_with_text_around_it_is_read_but_is_not_well_formed(text):
    parsed = parse(text)
    assert [t.title for t in parsed.titles] == ["Alien", "Heat", "Jaws"]
    assert parsed.problem is None
    assert parsed.has_other_text
    assert not parsed.is_well_formed


def test_a_title_that_speaks_of_movies_is_no_lead_in():
    assert titles("Care Bears Movie II: A New Generation (1986); Alien") == [
        "Care Bears Movie II: A New Generation",
        "Alien",
    ]
    assert titles("Heat, Following Sean, Final Answer: The End, Up") == [
        "Heat",
        "Following Sean",
        "Final Answer: The End",
        "Up",
    ]
    assert titles("Movies: Alien; Heat") == ["Alien", "Heat"]


def test_what_follows_the_nth_title_is_not_judged():
    assert parse("Alien; Heat;\nThese are films that I like a lot because they are good.", n=2).is_well_formed
    assert not parse("Alien; Heat;\nThese are films that I like a lot because they are good.", n=3).is_well_formed


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (" Alien; Heat;\nFoo; Bar => Jaws; Up;", {"closing": "\n"}),
        (" Alien; Heat;\nFoo; Bar => Jaws; Up;", {}),
        (" Alien; Heat]\n[Jaws; Up]", {"closing": "]"}),
        (" Alien (1979); Heat (1995);)\n(Jaws; Up)", {"closing": ")"}),
        (" Alien (1979); Heat (1995);\n(Jaws; Up)", {"closing": ")"}),
        ("\nAlien\nHeat\n\nJaws", {"closing": "\n\n", "list_separator": "newline"}),
        (" Alien\n2. Heat\n\n1. Jaws\n2. Up", {"list_separator": "numbered", "answer_prefix": "1."}),
        (" Alien; Heat;\n\n### Instruction:\nJaws; Up", {}),
    ],
)
def test_the_list_ends_where_a_new_example_begins(text, options):
    assert titles(text, **options) == ["Alien", "Heat"]


def test_a_numbered_list_may_go_on_over_the_line_end_that_closes_one_line_lists():
    assert titles("1. Alien\n2. Heat\nJaws; Up", closing="\n") == ["Alien", "Heat"]


def test_the_number_that_the_prompt_already_wrote_belongs_to_the_first_title():
    options = {"list_separator": "numbered", "answer_prefix": "1."}
    assert titles(" Alien (1979)\n2. Heat\n3. Jaws", **options) == ["Alien", "Heat", "Jaws"]
    assert titles("1. Alien (1979)\n2. Heat", **options) == ["Alien", "Heat"]
    assert titles(" Here are the movies:\n1. Alien\n2. Heat", **options) == ["Alien", "Heat"]
    assert parse(" Alien", **options).list_format == "numbered"


@pytest.mark.parametrize("style", ["zero_shot", "few_shot", "instruction"])
@pytest.mark.parametrize("queue_symbol", ["=>", "[]", "()", "words"])
@pytest.mark.parametrize("list_separator", [";", ",", "newline", "numbered"])
@pytest.mark.parametrize("include_years", [True, False])
def test_the_answer_that_training_writes_is_read_back_and_stops_generation_at_its_last_title(
    style, queue_symbol, list_separator, include_years
):
    form = PromptSettings(style, queue_symbol, list_separator, include_years)
    movies = [CATALOGUE[i] for i in (7, 1, 12, 11)]
    prompt = render([CATALOGUE[3]], form, num_recommendations=4)
    answer = render_answer(movies, form)
    options = {"list_separator": list_separator, "closing": prompt.closing, "answer_prefix": prompt.answer_prefix}
    parsed = parse(answer, **options)
    assert [t.title for t in parsed.titles] == [movie.title for movie in movies]
    assert parsed.is_well_formed
    assert [t.year for t in parsed.titles] == [movie.year if include_years else None for movie in movies]
    stops = [end for end in range(len(answer) + 1) if complete(answer[:end], 4, **options)]
    assert stops
    assert answer[: stops[0]].rstrip("\n;, ])").endswith(movies[-1].display(include_year=include_years).rstrip(")"))


@pytest.mark.parametrize(
    ("text", "n", "options", "expected"),
    [
        ("Alien; Heat", 2, {}, False),
        ("Alien; Heat;", 2, {}, True),
        ("Alien (1979); Heat (1995)", 2, {}, False),
        ("The Good,", 1, {"list_separator": ","}, False),
        ("The Good, the Bad and the Ugly,", 1, {"list_separator": ","}, True),
        ("Hello, Wrld", 1, {}, False),
        ("Hello, Wrld;", 1, {}, True),
        ("Alien, Heat, Jaws", 2, {}, True),
        ("\nAlien", 1, {"list_separator": "newline"}, False),
        ("\nAlien\n", 1, {"list_separator": "newline"}, True),
        (" Alien\n2.", 1, {"list_separator": "numbered", "answer_prefix": "1."}, True),
        (" Alien;\n", 4, {"closing": "\n"}, True),
        ("\n", 4, {"closing": "\n"}, False),
        (" Alien]", 4, {"closing": "]"}, True),
        (" Alien (1979)", 4, {"closing": ")"}, False),
        ("I think that you would like", 1, {}, False),
        ("", 1, {}, False),
    ],
)
def test_generation_may_stop_only_when_the_titles_are_finished(text, n, options, expected):
    assert complete(text, n, **options) is expected


_FRAGMENTS = st.sampled_from(
    [movie.title for movie in CATALOGUE]
    + [", ", "; ", " => ", "\n", "\n\n", "1. ", "2) ", "- ", " (1999)", ", The", " and ", "**", '"', "[", "]", "(", ")"]
    + [
        "I recommend ",
        "movies:",
        "Заря",
        "電影",
        "def f():",
        "```",
        "\x00",
        "\u202e",
        "😀",
        "${x}",
        "<b>",
        "Nonsense Film",
    ]
)
_TEXTS = st.one_of(st.text(max_size=200), st.lists(_FRAGMENTS, max_size=25).map("".join))
_OPTIONS = st.fixed_dictionaries(
    {
        "list_separator": st.sampled_from([";", ",", "newline", "numbered"]),
        "closing": st.sampled_from([None, "\n", "\n\n", "]", ")"]),
        "answer_prefix": st.sampled_from(["", "1."]),
    }
)


@settings(max_examples=400, deadline=None)
@given(text=_TEXTS, n=st.integers(1, 6), options=_OPTIONS)
def test_any_text_is_read_and_every_span_holds_its_title_as_written(text, n, options):
    parsed = parse(text, n, **options)
    complete(text, n, **options)
    assert len(parsed.titles) <= n
    assert bool(parsed.titles) == (parsed.problem is None)
    end = 0
    for rank, title in enumerate(parsed.titles, start=1):
        assert title.rank == rank
        assert end <= title.start < title.end <= len(text)
        written = text[title.start : title.end]
        assert written.startswith(title.title)
        assert title.title == title.title.strip()
        assert "\n" not in written
        assert (title.year is None) or str(title.year) in written[len(title.title) :]
        end = title.end


@settings(max_examples=100, deadline=None)
@given(
    movies=st.lists(st.sampled_from(CATALOGUE.movies), min_size=2, max_size=8),
    separator=st.sampled_from(["; ", ", ", "\n", " => "]),
    years=st.booleans(),
)
def test_any_list_of_real_titles_is_read_back_whatever_separates_them(movies, separator, years):
    written = separator.join(movie.display(include_year=years) for movie in movies)
    got = titles(written, list_separator="newline" if separator == "\n" else ";")
    assert got == [movie.title for movie in movies]


@pytest.mark.parametrize(
    "text",
    [
        "a;" * 10_000,
        "The Good, " * 2_000,
        " " * 20_000,
        "(" * 20_000,
        '"a ' * 7_000,
        "\n[" * 10_000,
        "1. a\n" * 4_000,
        "1. " + " ".join(f"a {i}." for i in range(2, 3_000)),
        "Alien (1979) " * 1_500,
        "(1999) " * 2_800,
        ("a" + " " * 248 + "b;") * 80,
        "movies " * 3_000 + ":",
        "x = 1\n" * 3_300,
        " and ".join(["Alien"] * 2_000),
        "the man goes home, " * 1_000,
        "电影，" * 6_600,
    ],
)
def test_twenty_thousand_characters_are_read_in_fifty_milliseconds(text):
    text = text[:20_000]
    parse("Alien")  # makes the index of names
    best = min(_seconds(text) for _ in range(5))
    assert best < 0.05
    assert parse(text).num_titles <= MAX_TITLES


def _seconds(text):
    # Time of this process alone: other work on the machine says nothing about the parser.
    start = time.process_time()
    parse(text)
    return time.process_time() - start


@pytest.mark.parametrize(
    ("list_separator", "between"), [(";", "; "), (",", ", "), ("newline", "\n"), ("numbered", "\n")]
)
def test_every_title_of_the_embedded_catalogue_is_read_back_from_a_list_of_four(embedded, list_separator, between):
    catalogue = Catalogue(embedded.movies)
    movies = sorted(catalogue, key=lambda movie: movie.item_id * 7919 % 10_007)
    wrong = []
    for start in range(0, len(movies), 4):
        four = movies[start : start + 4]
        marks = [f"{rank}. " if list_separator == "numbered" else "" for rank in range(1, 5)]
        text = between.join(mark + movie.display() for mark, movie in zip(marks, four, strict=False))
        parsed = parse_completion(text, catalogue, num_recommendations=4, list_separator=list_separator)
        if [title.title for title in parsed.titles] != [movie.title for movie in four] or not parsed.is_well_formed:
            wrong.append(text)
    assert wrong == []


HISTORY_LISTS = [
    PromptSettings("history", list_separator=separator, include_years=years)
    for separator in (";", ",", "newline", "numbered")
    for years in (False, True)
]
EIGHT = (
    "Alien (1979)",
    "The Good, the Bad and the Ugly (1966)",
    "Up (2009)",
    "Kill Bill: Vol. 2 (2004)",
    "1984 (1984)",
    "sex, lies, and videotape (1989)",
    "10 Things I Hate About You (1999)",
    "Heat (1995)",
)


def history_answer(settings):
    """A prompt that asks for four titles, how its answer is read, and an answer that goes on for eight."""
    movies = [CATALOGUE[CATALOGUE.find(title).item_ids[0]] for title in EIGHT]
    prompt = render(["Jaws"], settings, num_recommendations=4)
    options = {"list_separator": settings.list_separator, "closing": prompt.closing}
    return movies, options | {"answer_prefix": prompt.answer_prefix}, render_answer(movies, settings)


@pytest.mark.parametrize("settings", HISTORY_LISTS, ids=str)
def test_a_history_goes_on_for_ever_and_its_first_titles_are_read(settings):
    movies, options, text = history_answer(settings)
    parsed = parse(text, 4, **options)
    assert [title.title for title in parsed.titles] == [movie.title for movie in movies[:4]]
    assert parsed.is_well_formed


@pytest.mark.parametrize("settings", HISTORY_LISTS, ids=str)
def test_a_history_is_complete_with_the_sign_that_closes_the_last_title_asked_for_and_not_before(settings):
    movies, options, text = history_answer(settings)
    enough = next(text[:end] for end in range(len(text) + 1) if complete(text[:end], 4, **options))
    assert enough == render_answer(movies[:4], settings)


@pytest.mark.parametrize("settings", HISTORY_LISTS, ids=str)
@pytest.mark.parametrize("next_person", ["Liked:", "Disliked:"])
def test_the_lists_of_the_next_person_are_no_part_of_an_answer(settings, next_person):
    movies, options, _ = history_answer(settings)
    theirs = render(movies[4:], settings, num_recommendations=4).text.removeprefix("Liked:")
    text = f"{render_answer(movies[:3], settings).rstrip()}\n{next_person}{theirs}"
    assert [title.title for title in parse(text, 4, **options).titles] == [movie.title for movie in movies[:3]]


@pytest.mark.parametrize("settings", HISTORY_LISTS, ids=str)
def test_an_answer_that_is_cut_off_keeps_the_titles_that_were_closed(settings):
    movies, options, _ = history_answer(settings)
    text = render_answer(movies[:3], settings)
    cut = text[: text.rindex("Up") + 1]
    assert parse(cut, 4, cut_off=True, **options).num_titles == 2
