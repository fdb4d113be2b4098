import numpy as np
import pytest

from recsys.baselines import dense
from recsys.baselines.blend import fit_blend
from recsys.errors import SettingsError
from recsys.training.teacher import Teacher, Teachers


class Told:
    """Gives the same scores for every history."""

    name = "told"

    def __init__(self, scores):
        self.item_ids = np.arange(1, len(scores) + 1)
        self._scores = np.array(scores, dtype=np.float32)

    def scores(self, histories):
        return np.repeat(self._scores[None], len(histories), axis=0)


def expected(teachers, user, history):
    """Item → how much the user's teacher expects it."""
    [(teacher, places)] = teachers.by_user([user])
    assert places == [0]
    return dict(zip(teacher.item_ids.tolist(), teacher.expect([history], [()])[0].tolist(), strict=True))


def test_titles_are_expected_in_proportion_to_their_scores_and_the_floor():
    # Weights 3 + 0.2, 1 + 0.2 and, for a score below 0, 0.2: of 4.6.
    found = Teacher(Told([3, 1, -5]), 1.0).expect([()], [()])
    np.testing.assert_allclose(found, [[3.2 / 4.6, 1.2 / 4.6, 0.2 / 4.6]], rtol=1e-6)


@pytest.mark.parametrize("temperature", [0.5, 0.01, 4.0])
def test_a_temperature_sharpens_what_is_expected_as_a_power(temperature):
    found = Teacher(Told([3, 1, -5]), temperature).expect([()], [()])[0]
    weights = np.array([3.2, 1.2, 0.2]) / 3.2
    np.testing.assert_allclose(
        found, weights ** (1 / temperature) / (weights ** (1 / temperature)).sum(), rtol=1e-5, atol=1e-30
    )


def test_what_is_liked_or_disliked_is_not_expected():
    teacher = Teacher(Told([9, 8, 7, 1]), 1.0)
    found = teacher.expect([(1, 404), (), (4, 2)], [(3,), (), (1, 3)])
    weights = np.array([[0, 8.2, 0, 1.2], [9.2, 8.2, 7.2, 1.2], [0, 0, 0, 0]])
    np.testing.assert_allclose(found[:2], weights[:2] / weights[:2].sum(axis=1, keepdims=True), rtol=1e-6)
    assert not found[2].any(), "where nothing is left, nothing is expected"


def test_teachers_expect_what_followed_with_the_others():
    likes = {user: [1, 2, 3] for user in range(20)} | {user: [4, 5, 6] for user in range(20, 40)}
    teachers = Teachers(likes, 0.25, num_folds=5)
    assert all(expected(teachers, user, (1, 2))[3] > 0.8 for user in (0, 39))
    assert set(fit_blend(likes).item_ids.tolist()) == teachers.item_ids == {1, 2, 3, 4, 5, 6}


def test_each_teacher_is_given_with_the_places_of_its_users():
    likes = {user: [1, 2, 3] for user in range(40)}
    teachers = Teachers(likes, 1.0, num_folds=5, seed=3)
    users = [7, 8, 7, 20, 21, 22]
    found = list(teachers.by_user(users))
    assert sorted(place for _, places in found for place in places) == list(range(6))
    assert all({0, 2} <= set(places) or not {0, 2} & set(places) for _, places in found), "one user, one teacher"
    again = [places for _, places in Teachers(likes, 1.0, num_folds=5, seed=3).by_user(users)]
    assert again == [places for _, places in found]


def test_nobody_is_taught_by_a_teacher_that_knows_what_they_like():
    # Movies 70 to 73 are liked by three users alone. Whoever of them asks, their teacher knows the other two at most,
    # and what fewer than three like it does not know.
    likes = {user: [1, 2, 3] for user in range(30)} | {user: [70, 71, 72, 73] for user in (100, 101, 102)}
    for seed in range(20):
        teachers = Teachers(likes, 1.0, num_folds=5, seed=seed)
        assert all(expected(teachers, user, (70,)).keys() <= {1, 2, 3} for user in (100, 101, 102))


def test_one_teacher_for_everybody_knows_what_they_like():
    likes = {user: [1, 2, 3] for user in range(30)} | {user: [70, 71, 72, 73] for user in (100, 101, 102)}
    teachers = Teachers(likes, 0.25, num_folds=1)
    assert len(list(teachers.by_user(list(likes)))) == 1
    assert expected(teachers, 100, (70,))[71] > 0.3


def test_too_few_users_and_likes_that_no_three_of_them_share_teach_nothing():
    with pytest.raises(SettingsError, match="more users than folds"):
        Teachers({1: [5, 6], 2: [5, 7]}, 1.0, num_folds=3)
    with pytest.raises(SettingsError, match="nothing to teach"):
        Teachers({user: [user, 100 + user] for user in range(8)}, 1.0, num_folds=2)


def test_both_parts_of_a_teacher_keep_the_same_items_although_the_first_takes_memory(monkeypatch):
    left = iter([2 * 16 * 2**2, 0, 0])  # two items, then one
    monkeypatch.setattr(dense, "machine_bytes_left", lambda: next(left))
    assert fit_blend({user: [5, 6, 7] for user in range(3)}).item_ids.tolist() == [5, 6]
