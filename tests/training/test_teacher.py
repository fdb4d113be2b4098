from collections import Counter

import numpy as np
import pytest

from recsys.errors import SettingsError
from recsys.training.examples import Case
from recsys.training.teacher import Teacher, Teachers, answered_by, fit_blend


class Told:
    """Gives the same scores for every history."""

    name = "told"

    def __init__(self, scores):
        self.item_ids = np.arange(1, len(scores) + 1)
        self._scores = np.array(scores, dtype=np.float32)

    def scores(self, histories):
        return np.repeat(self._scores[None], len(histories), axis=0)


class Same:
    """One teacher for everybody."""

    def __init__(self, teacher):
        self._teacher = teacher

    def of(self, _user_id):
        return self._teacher


def firsts(teacher, history=(), num=4_000):
    drawn = Counter(teacher.answer(history, 1, np.random.default_rng(seed))[0] for seed in range(num))
    return {item: count / num for item, count in drawn.items()}


def test_titles_are_drawn_in_proportion_to_their_scores_and_the_floor():
    # Weights 3 + 0.2, 1 + 0.2 and, for a score below 0, 0.2: of 4.6.
    shares = firsts(Teacher(Told([3, 1, -5]), 1.0))
    assert shares[1] == pytest.approx(3.2 / 4.6, abs=0.03)
    assert shares[2] == pytest.approx(1.2 / 4.6, abs=0.03)
    assert shares[3] == pytest.approx(0.2 / 4.6, abs=0.02)


def test_a_temperature_sharpens_the_draw_as_a_power():
    shares = firsts(Teacher(Told([3, 1, -5]), 0.5))
    assert shares[1] == pytest.approx(3.2**2 / (3.2**2 + 1.2**2 + 0.2**2), abs=0.03)


def test_what_is_liked_is_never_answered_and_nothing_twice():
    teacher = Teacher(Told([9, 8, 7, 1, 1]), 1.0)
    for seed in range(50):
        answer = teacher.answer((1, 404), 3, np.random.default_rng(seed))
        assert len(set(answer)) == 3
        assert 1 not in answer


def test_fewer_come_where_it_knows_no_more():
    teacher = Teacher(Told([9, 8, 7]), 1.0)
    assert set(teacher.answer((2,), 4, np.random.default_rng(0))) == {1, 3}
    assert teacher.answer((1, 2, 3), 4, np.random.default_rng(0)) == ()


def test_the_share_of_cases_is_answered_and_the_same_ones_each_time():
    teachers = Same(Teacher(Told([1] * 50), 1.0))

    def drawn(_epoch, index):
        return Case((1, 2), (100 + index, 200), (7,), index)

    draw = answered_by(teachers, drawn, share=0.25, seed=3)
    cases = [draw(1, index) for index in range(1_000)]
    asked = [case for case in cases if case.answer[1] != 200]
    assert len(asked) / 1_000 == pytest.approx(0.25, abs=0.04)
    assert all((case.history, case.disliked, len(case.answer)) == ((1, 2), (7,), 2) for case in cases)
    assert [case.user_id for case in cases] == list(range(1_000))
    assert [draw(1, index) for index in range(1_000)] == cases
    assert [draw(2, index) for index in range(1_000)] != cases


def test_no_share_asks_nothing_and_a_whole_one_always():
    teachers = Same(Teacher(Told([1] * 50), 1.0))

    def drawn(_epoch, index):
        return Case((1,), (1_000 + index,))

    assert all(answered_by(teachers, drawn, share=0, seed=0)(0, i) == drawn(0, i) for i in range(50))
    assert all(answered_by(teachers, drawn, share=1, seed=0)(0, i).answer[0] <= 50 for i in range(50))


def test_a_case_that_it_cannot_answer_stays_as_it_is():
    case = Case((1, 2), (9,))
    nobody = Same(Teacher(Told([1, 1]), 1.0))
    assert answered_by(nobody, lambda _epoch, _index: case, share=1, seed=0)(0, 0) == case


def test_teachers_expect_what_followed_with_the_others():
    likes = {user: [1, 2, 3] for user in range(20)} | {user: [4, 5, 6] for user in range(20, 40)}
    teachers = Teachers(likes, 0.25, num_folds=5)
    assert all(firsts(teachers.of(user), (1, 2), 50).get(3, 0) > 0.8 for user in (0, 39))
    assert set(fit_blend(likes).item_ids.tolist()) == {1, 2, 3, 4, 5, 6}


def test_nobody_is_answered_by_a_teacher_that_knows_what_they_like():
    # Movies 70 to 73 are liked by three users alone. Whoever of them asks, their teacher knows the other two at most,
    # and what fewer than three like it does not know.
    likes = {user: [1, 2, 3] for user in range(30)} | {user: [70, 71, 72, 73] for user in (100, 101, 102)}
    for seed in range(20):
        teachers = Teachers(likes, 1.0, num_folds=5, seed=seed)
        for user in (100, 101, 102):
            drawn = {i for s in range(30) for i in teachers.of(user).answer((70,), 3, np.random.default_rng(s))}
            assert drawn <= {1, 2, 3}


def test_one_teacher_for_everybody_knows_what_they_like():
    likes = {user: [1, 2, 3] for user in range(30)} | {user: [70, 71, 72, 73] for user in (100, 101, 102)}
    teachers = Teachers(likes, 0.25, num_folds=1)
    assert teachers.of(100) is teachers.of(0)
    assert firsts(teachers.of(100), (70,), 100).get(71, 0) > 0.3


def test_the_same_seed_deals_the_same_folds():
    likes = {user: [1, 2, 3] if user % 2 else [4, 5, 6] for user in range(40)}
    drawn = [
        [
            Teachers(likes, 1.0, num_folds=5, seed=seed).of(user).answer((1,), 3, np.random.default_rng(0))
            for user in range(40)
        ]
        for seed in (0, 0)
    ]
    assert drawn[0] == drawn[1]


def test_too_few_users_and_likes_that_no_three_of_them_share_teach_nothing():
    with pytest.raises(SettingsError, match="more users than folds"):
        Teachers({1: [5, 6], 2: [5, 7]}, 1.0, num_folds=3)
    with pytest.raises(SettingsError, match="nothing to teach"):
        Teachers({user: [user, 100 + user] for user in range(8)}, 1.0, num_folds=2)
