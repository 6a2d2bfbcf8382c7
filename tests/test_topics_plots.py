"""The figures of `sparsenmf.topics.plots` show what they are said to."""

import numpy as np
import pytest

plt = pytest.importorskip("matplotlib.pyplot", reason="the figures are drawn with matplotlib")

from sparsenmf import factorize  # noqa: E402
from sparsenmf.topics import TopicModel, plots  # noqa: E402


@pytest.fixture(autouse=True)
def headless():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture
def model(counts):
    return TopicModel(4, random_state=0).fit(counts, names=[f"${j}" for j in range(40)])


def test_convergence_draws_a_line_a_fit(counts, model):
    fits = {solver: factorize(counts, 4, solver=solver, random_state=0, max_iter=20) for solver in ("mu", "cd")}
    ax = plots.plot_convergence(fits, against="seconds")
    assert [line.get_label() for line in ax.lines] == ["mu", "cd"]
    history = fits["mu"].history
    assert len(ax.lines[0].get_xdata()) >= len(history) - 1
    assert len(plots.plot_convergence(model).lines) == 1
    with pytest.raises(ValueError, match="no history"):
        plots.plot_convergence(model.merge([(0, 1)]))
    with pytest.raises(ValueError, match="against"):
        plots.plot_convergence(model, against="days")


def test_bars_are_the_words_of_the_topics(model):
    figure = plots.plot_topic_words(model, 5, topics=[2, 0])
    axes = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title().split()[1] for ax in axes] == ["2", "0"]
    widths = [bar.get_width() for bar in axes[0].patches]
    np.testing.assert_allclose(widths, np.sort(model.word_distributions_[2])[::-1][:5])
    figure.canvas.draw()  # dollar signs in words are no formulas
    assert len(plots.plot_topic_words(model).axes) == 4
    with pytest.raises(ValueError, match="no topic 9"):
        plots.plot_topic_words(model, topics=[9])


def test_heat_map_holds_mean_proportions(model):
    labels = ["a", "b", "b"] * 20
    ax = plots.plot_topics_by_label(model.weights_, labels, model.components_, model.names(1))
    image = ax.images[0].get_array()
    assert image.shape == (2, 4)
    assert 0.9 < image.sum(axis=1).min() <= image.sum(axis=1).max() <= 1 + 1e-9
    with pytest.raises(ValueError, match="2 labels for 60 rows"):
        plots.plot_topics_by_label(model.weights_, ["a", "b"])


def test_sparseness_is_between_0_and_1(model):
    ax = plots.plot_sparseness(model.weights_, model.components_)
    offsets = np.concatenate([dots.get_offsets()[:, 1] for dots in ax.collections[1:]])
    assert len(offsets) == 8
    assert offsets.min() >= 0
    assert offsets.max() <= 1
    assert plots.sparseness(np.zeros((1, 3))).tolist() == [0]


def test_components_as_images():
    figure = plots.plot_components(np.random.default_rng(0).random((5, 12)), (3, 4), columns=3)
    assert [ax.images[0].get_array().shape for ax in figure.axes if ax.images] == [(3, 4)] * 5
    with pytest.raises(ValueError, match="12 entries"):
        plots.plot_components(np.ones((2, 12)), (3, 5))


def test_words_with_dollar_signs_are_no_formulas():
    model = TopicModel(1, random_state=0).fit(np.array([[2, 1], [1, 1]]), names=[r"$\frac$", "$5"])
    plots.plot_topic_words(model, n_words=2).canvas.draw()  # matplotlib raises on a formula that is wrong
