import re

import pytest

from recsys.ui.evaluation_records import PAGE_SIZE, filter_choices, filter_records, hits, num_pages, records_html
from tests.ui.fake_evaluation import result, title

HIT = result(
    "15-0",
    [title("The Matrix", 2571), title("Toy Story", 1), title("Toy Story", 1, flags=("repeated",))],
    (1, 260, 318, 589),
)
MISS = result("16-0", [title("Star Wors", 260, match="fuzzy", distance=1.0)], (1, 318, 589, 924))
INVENTED = result("17-0", [title("Zorblax", None, match="none", nearest_item_id=7076)], (1, 318, 589, 924))
PROSE = result("18-0", [], (1, 2), completion="It is <b>about</b> ${love}", problem="prose", well_formed=False)
ALL = [MISS, HIT, INVENTED, PROSE]


def page_of(results, catalogue, page=0):
    return records_html(results, page, catalogue, "levenshtein")


def test_hits_are_the_relevant_items_that_count():
    assert hits(HIT) == {1}
    assert hits(MISS) == set()


def test_each_filter_tells_how_many_it_keeps():
    assert [label for label, _ in filter_choices(ALL)] == [
        "All (4)",
        "With a hit (1)",
        "No hit (3)",
        "Invented a title (1)",
        "Not a clean list (1)",
    ]


def test_the_best_answered_record_comes_first():
    assert filter_records(ALL, "all") == [HIT, MISS, INVENTED, PROSE]


@pytest.mark.parametrize(
    ("name", "kept"),
    [("hits", [HIT]), ("misses", [MISS, INVENTED, PROSE]), ("out_of_catalogue", [INVENTED]), ("not_a_list", [PROSE])],
)
def test_a_filter_keeps_what_it_says(name, kept):
    assert filter_records(ALL, name) == kept


def test_an_unknown_filter_keeps_all():
    assert len(filter_records(ALL, "'; drop")) == 4


def test_a_record_tells_history_text_resolution_and_truth(catalogue):
    page = page_of([HIT], catalogue)
    assert re.findall(r"<h5>([^<]*)", page) == [
        "Liked before",
        "What the model wrote",
        "What it resolves to",
        "What was liked next",
    ]
    assert "2001: A Space Odyssey (1968)" in page
    assert "The Shawshank Redemption (1994)" in page


def test_a_hit_is_marked_where_it_counts_and_in_the_truth_alone(catalogue):
    page = page_of([HIT], catalogue)
    assert page.count("✓ hit") == 2
    assert "1</b>&thinsp;/&thinsp;4 hit" in page
    assert "repeated" in page


def test_a_mended_title_shows_what_was_written(catalogue):
    page = page_of([MISS], catalogue)
    assert "written: Star Wors" in page
    assert "edited 1" in page


def test_an_invented_title_is_struck_and_hints_at_the_nearest(catalogue):
    page = page_of([INVENTED], catalogue)
    assert "<s>Zorblax</s>" in page
    assert "nearest: Solaris (2002)" in page
    assert "out of catalogue" in page


def test_what_the_model_wrote_is_text(catalogue):
    page = page_of([PROSE], catalogue)
    assert "<b>about" not in page
    assert "${" not in page
    assert "&lt;b&gt;about&lt;/b&gt; &#36;&#123;love&#125;" in page
    assert "prose, not a list" in page


def test_an_item_that_left_the_catalogue_is_named_by_its_id(catalogue):
    assert "item 424242" in page_of([result("19-0", [title("Gone", 424242)], (1,))], catalogue)


def test_pages_hold_all_records_once(catalogue):
    many = [result(f"{user}-0", [], (1,)) for user in range(1, 2 * PAGE_SIZE + 2)]
    assert num_pages(len(many)) == 3
    shown = [re.findall(r'data-record="([^"]*)"', page_of(many, catalogue, page)) for page in range(3)]
    assert [len(page) for page in shown] == [PAGE_SIZE, PAGE_SIZE, 1]
    assert len({name for page in shown for name in page}) == len(many)


def test_an_empty_filter_is_said(catalogue):
    assert num_pages(0) == 1
    assert "No record fits" in page_of([], catalogue)
