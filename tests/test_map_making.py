"""A map of the model in memory: embedded between people's requests, laid out beside them, stopped when asked."""

import threading

import pytest

from recsys.errors import CancelledError, ModelBusyError, ModelUnavailableError
from recsys.map_making import lay_out, make_map
from recsys.models.host import ModelChoice, ModelHost
from recsys.resolver_pool import ResolverPool


@pytest.fixture
def tiny(tiny_llama_folder):
    return ModelChoice(str(tiny_llama_folder), "fp32")


@pytest.fixture
def pool(catalogue, monkeypatch, tmp_path):
    monkeypatch.setenv("RECSYS_CACHE", str(tmp_path))
    return ResolverPool(catalogue, "a dozen movies")


@pytest.fixture
def without_layout(monkeypatch):
    """The layout alone needs scikit-learn."""
    monkeypatch.setattr("recsys.map_making.require_scikit_learn", lambda: None)
    monkeypatch.setattr("recsys.map_making.lay_out", lambda *paths: None)


def tell(fraction, message):
    pass


def test_the_titles_are_embedded_and_laid_out_and_both_are_found_again(pool, tiny, catalogue):
    pytest.importorskip("sklearn")
    told = []
    message = make_map(pool, ModelHost(), tiny, lambda *state: told.append(state), threading.Event())
    assert message == f"The map of {tiny.model} is made."
    index, item_map = pool.find_map(tiny.model, pool.find_index(tiny.model)[0].weight_hash)
    assert item_map.item_ids.tolist() == index.item_ids.tolist() == sorted(catalogue.by_id)
    assert pool.find_map(tiny.model, "of other weights") is None
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert max(fractions) == 0.7


def test_between_batches_a_person_gets_the_model(pool, tiny, without_layout, monkeypatch):
    host, turns = ModelHost(), []
    real_use = host.use

    def use(choice, **how):
        turns.append(how["priority"])
        return real_use(choice, **how)

    monkeypatch.setattr(host, "use", use)
    make_map(pool, host, tiny, tell, threading.Event())
    assert turns.count("batch") == 3  # to see the weights, to know them, and one batch for 45 texts
    assert set(turns) == {"batch"}


def test_a_stopped_embedding_leaves_no_index(pool, tiny, without_layout):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError):
        make_map(pool, ModelHost(), tiny, tell, cancel)
    assert pool.find_index(tiny.model) is None


def test_another_long_job_keeps_the_model(pool, tiny, without_layout):
    host = ModelHost()
    with host.reserve(tiny), pytest.raises(ModelBusyError):
        make_map(pool, host, tiny, tell, threading.Event())


def test_an_index_of_the_same_name_but_other_movies_is_passed_over(pool, tiny, catalogue):
    with ModelHost().use(tiny) as loaded:
        pool.build_index(loaded, ship=False)
    from recsys.catalogue import Catalogue

    assert pool.find_index(tiny.model) is not None
    assert ResolverPool(Catalogue(catalogue.movies[1:]), "a dozen movies").find_index(tiny.model) is None


def test_a_layout_that_fails_tells_the_last_line_and_one_that_is_stopped_ends_at_once(tmp_path, monkeypatch):
    (tmp_path / "none.npz").write_text("no index")
    with pytest.raises(ModelUnavailableError, match="could not be laid out"):
        lay_out(tmp_path / "none.npz", tmp_path / "map.npz", threading.Event())
    monkeypatch.setattr("recsys.map_making._LAY_OUT", "import time; time.sleep(60)")
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    with pytest.raises(CancelledError, match="was stopped"):
        lay_out(tmp_path / "none.npz", tmp_path / "map.npz", cancel)
