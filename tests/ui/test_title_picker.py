import pytest

from recsys.errors import HistoryError
from recsys.ui.title_picker import find_entry, find_titles, read_entries, write_entries


def test_what_is_written_is_read_back_in_order(catalogue):
    history = (5971, "A film of mine", 5618)
    assert read_entries(write_entries(history, catalogue), catalogue) == history


def test_chips_show_title_and_year(catalogue):
    assert write_entries([318], catalogue) == [{"item_id": 318, "text": "The Shawshank Redemption (1994)"}]


def test_the_same_movie_twice_is_one(catalogue):
    assert read_entries(write_entries((1, 1), catalogue), catalogue) == (1,)


def test_a_typed_title_stays_as_typed(catalogue):
    assert read_entries([{"item_id": None, "text": " Solaris\x00 "}], catalogue) == ("Solaris",)


def test_nothing_picked_is_an_empty_history(catalogue):
    assert read_entries(None, catalogue) == read_entries([], catalogue) == ()


@pytest.mark.parametrize(
    "value",
    [
        "text",
        5,
        [5],
        [{"item_id": True, "text": "x"}],
        [{"item_id": 1.5, "text": "x"}],
        [{"item_id": "1", "text": "x"}],
        [{"item_id": 99999999, "text": "x"}],
        [{"item_id": None, "text": "  "}],
        [{"item_id": None, "text": 5}],
        [{}],
        [{"item_id": None, "text": "x"}] * 51,
    ],
)
def test_what_no_picker_sends_is_refused(catalogue, value):
    with pytest.raises(HistoryError):
        read_entries(value, catalogue)


def test_a_title_that_the_catalogue_has_becomes_its_item(catalogue):
    assert find_entry("the matrix", catalogue) == 2571
    assert find_entry("No Such Film", catalogue) == "No Such Film"


class Searching:
    def __init__(self, catalogue):
        from recsys.resolution.search import TitleSearch

        self.search = TitleSearch(catalogue)


def test_a_search_answers_plain_values(catalogue):
    (hit, *_) = find_titles(Searching(catalogue), "spirited")
    assert hit == {
        "item_id": 5618,
        "title": "Spirited Away",
        "year": 2001,
        "genres": ["Adventure", "Animation", "Fantasy"],
        "matched_name": "Spirited Away",
    }


@pytest.mark.parametrize("query", [None, 5, ["x"], {"a": 1}, "", "   "])
def test_a_query_that_is_no_text_finds_nothing(catalogue, query):
    assert find_titles(Searching(catalogue), query) == []


def test_a_very_long_query_is_cut_and_answered(catalogue):
    assert isinstance(find_titles(Searching(catalogue), "x" * 20_000), list)
