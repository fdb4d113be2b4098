import numpy as np
import pytest

from recsys.baselines.hybrid import Candidates, find_candidates, fuse
from recsys.baselines.popularity import Popularity

ITEMS = (10, 20, 30, 40)


class Told:
    """Gives the same scores for every history."""

    name = "told"
    coverage = 1.0

    def __init__(self, scores, item_ids=ITEMS):
        self.item_ids = np.array(item_ids)
        self._scores = np.array(scores, dtype=np.float32)

    def scores(self, histories):
        return np.repeat(self._scores[None], len(histories), axis=0)


def candidates_of(scores):
    return Candidates(ITEMS[: len(scores)], tuple(scores), knows_history=True)


def test_candidates_are_the_best_that_are_left_of_each_history():
    first, second = find_candidates(Told([1, 4, 3, 2]), [(20,), (99,)], n=2, excluded=[{20}, {30, 99}])
    assert (first.item_ids, first.scores) == ((30, 40), (3.0, 2.0))
    assert second.item_ids == (20, 40)
    assert first.knows_history
    assert not second.knows_history


def test_only_allowed_items_are_candidates_and_fewer_come_where_fewer_are_left():
    (found,) = find_candidates(Told([1, 4, 3, 2]), [()], n=3, excluded=[{40}], allowed={10, 40, 77})
    assert found.item_ids == (10,)
    (none,) = find_candidates(Told([1, 4, 3, 2]), [()], n=3, excluded=[()], allowed=())
    assert none.item_ids == ()


def test_equal_scores_rank_by_popularity():
    (found,) = find_candidates(Told([0, 0, 0, 0]), [()], n=3, excluded=[{10}])
    assert found.item_ids == (20, 30, 40)


def test_the_recommenders_own_scores_stay_as_they_are():
    popularity = Popularity.fit({1: [5, 6], 2: [5], 3: [5, 7]})
    before = popularity.scores([()]).copy()
    find_candidates(popularity, [()], n=3, excluded=[{5}], allowed={5, 6})
    np.testing.assert_array_equal(popularity.scores([()]), before)


def test_the_sum_of_both_opinions_orders_the_titles_by_hand():
    # 3 − 2·4 = −5, 2 − 2·1 = 0, 1 − 2·0.5 = 0, 0 − 2·3 = −6: the classic favourite of the two equal ones leads.
    fused = fuse(candidates_of([3, 2, 1, 0]), np.array([-4, -1, -0.5, -3]), llm_weight=2.0, n=3)
    assert [title.item_id for title in fused] == [20, 30, 10]
    assert [title.score for title in fused] == [0, 0, -5]
    assert [title.classic_rank for title in fused] == [2, 3, 1]
    assert [title.llm_rank for title in fused] == [2, 1, 4]
    assert {title.num_candidates for title in fused} == {4}


@pytest.mark.parametrize(("llm_weight", "order"), [(0, [10, 20, 30, 40]), (1e6, [30, 20, 40, 10])])
def test_no_weight_leaves_the_classic_order_and_a_huge_one_the_models(llm_weight, order):
    fused = fuse(candidates_of([3, 2, 1, 0]), np.array([-4, -1, -0.5, -3]), llm_weight=llm_weight, n=4)
    assert [title.item_id for title in fused] == order


def test_titles_that_are_written_alike_share_the_better_rank():
    fused = fuse(candidates_of([2, 1, 0]), np.array([-1.0, -1.0, -2.0]), llm_weight=1.0, n=3)
    assert [title.llm_rank for title in fused] == [1, 1, 3]


def test_no_candidates_give_no_titles():
    assert fuse(Candidates((), (), knows_history=True), np.zeros(0), llm_weight=2.0, n=4) == ()


def test_a_title_is_plain_json_values():
    (title,) = fuse(candidates_of([1.5]), np.array([-0.25]), llm_weight=2.0, n=1)
    assert title.to_dict() == {
        "item_id": 10,
        "score": 1.0,
        "classic_score": 1.5,
        "classic_rank": 1,
        "log_likelihood": -0.25,
        "llm_rank": 1,
        "num_candidates": 1,
    }
