"""The engine is compared with the readable loop of `mlp.nn.descent.train`, and with itself in other stacks."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.random import Generator
from threadpoolctl import threadpool_info

from mlp import CellJob, Dataset, Descent, Layer, Network, generator, train, train_stack
from mlp.engine.stack import first_largest
from mlp.measures import metrics
from mlp.measures.metrics import Evaluation
from mlp.nn.descent import scaled
from mlp.nn.network import Parameters

SIDE, CLASSES = 6, 4
# Rule, momentum and a learning rate that suits both.
RULE_SETTINGS = [("sgd", 0.0, 0.2), ("sgd", 0.5, 0.2), ("sgd", 0.9, 0.2), ("nesterov", 0.9, 0.1), ("adam", 0.0, 0.01)]


def data_set(rows: int = 70, test_rows: int = 30, side: int = SIDE, dark: bool = True) -> Dataset:
    """Random images, often bright in the middle, rarely at the edge; labels that can be learned."""
    rng = np.random.default_rng(5)
    images = rng.integers(1, 256, (rows + test_rows, side**2), dtype=np.uint8)
    if dark:
        lit = np.outer(np.bartlett(side + 1)[:-1], np.bartlett(side + 1)[:-1]).ravel()
        images *= rng.random(images.shape) < lit
    labels = (images[:, side**2 // 2 :].sum(axis=1) // 64 % CLASSES).astype(np.uint8)
    return Dataset("random", images[:rows], labels[:rows], images[rows:], labels[rows:], "")


def labels_of(data: Dataset, cells: int) -> np.ndarray:
    """Labels to train on: the true ones for cell 0, then a growing share of random ones."""
    rng = np.random.default_rng(6)
    redrawn = rng.random((cells, len(data.train_labels))) < np.linspace(0, 1, cells)[:, None]
    return np.where(redrawn, rng.integers(0, CLASSES, redrawn.shape), data.train_labels).astype(np.uint8)


def shared_rng(own_batches: bool) -> Generator | None:
    return None if own_batches else generator(0, "order")


def starts_of(network: Network, cells: int) -> list:
    return [network.initialize(generator(seed, "start")) for seed in range(cells)]


def jobs_of(
    starts: list, labels: np.ndarray, descents: Descent | Sequence[Descent], own_batches: bool = False
) -> list[CellJob]:
    """A job per cell, with fresh generators."""
    if isinstance(descents, Descent):
        descents = [descents] * len(starts)
    return [
        CellJob(start, labels[cell], descent, generator(cell, "order") if own_batches else None,
                generator(cell, "dropout") if descent.dropout else None)
        for cell, (start, descent) in enumerate(zip(starts, descents, strict=True))
    ]  # fmt: skip


def network_of(hidden: tuple[int, ...] = (7, 5), **choices: str) -> Network:
    return Network((SIDE**2, *hidden, CLASSES), **choices)


def assert_follows_the_readable_loop(network: Network, descent: Descent, data: Dataset, own_batches: bool) -> None:
    cells = 3
    starts, labels = starts_of(network, cells), labels_of(data, cells)
    jobs = jobs_of(starts, labels, descent, own_batches)
    history = train_stack(network, jobs, data, shared_rng(own_batches))
    for cell, job in enumerate(jobs_of(starts, labels, descent, own_batches)):

        def compare(epoch: int, parameters: Parameters, cell: int = cell) -> None:
            for name, figure in measured(network, parameters, data, labels[cell]).items():
                # In one example, a tie may be decided differently.
                near = 1e-3 if name.endswith("cost") else 1.01 / len(data.test_labels)
                np.testing.assert_allclose(history.metrics[name][epoch, cell], figure, rtol=1e-3, atol=near)

        own = job if own_batches else replace(job, batch_rng=generator(0, "order"))
        expected = train(network, own, data.train_images, compare)
        for layer, oracle in zip(history.parameters[cell], expected, strict=True):
            np.testing.assert_allclose(layer.weights, oracle.weights, rtol=1e-3, atol=2e-5)
            np.testing.assert_allclose(layer.biases, oracle.biases, rtol=1e-3, atol=2e-5)


def measured(network: Network, parameters: Parameters, data: Dataset, labels: np.ndarray) -> dict[str, float]:
    """All metrics of one network, by `mlp.nn.network`."""

    def answers(images: np.ndarray, labels: np.ndarray, true: np.ndarray) -> Evaluation:
        costs = network.example_costs(parameters, scaled(images), labels)
        return Evaluation(costs, network.answers(parameters, scaled(images)).argmax(axis=1), labels, true)

    return metrics.measured(
        answers(data.train_images, labels, data.train_labels),
        answers(data.test_images, data.test_labels, data.test_labels),
    )


@pytest.mark.parametrize("start", ["fan_in", "normal"])
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_every_kind_of_network_follows_the_readable_loop(activation: str, cost: str, start: str) -> None:
    network = network_of(activation=activation, cost=cost, start=start)
    descent = Descent(learning_rate=0.1, batch_size=16, epochs=2)
    assert_follows_the_readable_loop(network, descent, data_set(), own_batches=False)


@pytest.mark.parametrize("hidden", [(), (1,), (16,), (150,), (9, 8, 7, 6)])
def test_any_depth_and_width_follows_the_readable_loop(hidden: tuple[int, ...]) -> None:
    descent = Descent(0.5, batch_size=7, epochs=2)
    assert_follows_the_readable_loop(network_of(hidden), descent, data_set(), own_batches=False)


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("own_batches", [False, True])
@given(
    batch_size=st.integers(1, 100),
    rule=st.sampled_from(RULE_SETTINGS),
    weight_decay=st.sampled_from([0, 0.1]),
    schedule=st.sampled_from(["constant", "exponential", "cosine"]),
    center=st.booleans(),
    shift=st.integers(0, 2),
    dropout=st.sampled_from([0, 0.3]),
)
@settings(max_examples=12, deadline=None)
def test_every_descent_follows_the_readable_loop(
    dark: bool,
    own_batches: bool,
    batch_size: int,
    rule: tuple[str, float, float],
    weight_decay: float,
    schedule: str,
    center: bool,
    shift: int,
    dropout: float,
) -> None:
    name, momentum, rate = rule
    descent = Descent(rate, batch_size, 2, momentum, schedule, 0.8, center, shift, name, weight_decay, dropout)
    assert_follows_the_readable_loop(network_of(), descent, data_set(dark=dark), own_batches)


def test_float_inputs_are_used_unchanged() -> None:
    data = data_set()
    rng = np.random.default_rng(0)
    train_images, test_images = (rng.standard_normal((n, SIDE**2), np.float32) for n in (70, 30))
    data = Dataset("floats", train_images, data.train_labels, test_images, data.test_labels, "")
    assert_follows_the_readable_loop(network_of(), Descent(0.1, 8, 2, center=True), data, own_batches=False)


def histories_equal(one, other, cell: int, place: int) -> None:
    for name in one.metrics:
        np.testing.assert_array_equal(one.metrics[name][:, cell], other.metrics[name][:, place])
    for layer, twin in zip(one.parameters[cell], other.parameters[place], strict=True):
        np.testing.assert_array_equal(layer.weights, twin.weights)
        np.testing.assert_array_equal(layer.biases, twin.biases)


def assert_same_bits_in_every_stack(
    network: Network, descent: Descent, data: Dataset, cells: int, own_batches: bool = False
) -> None:
    starts, labels = starts_of(network, cells), labels_of(data, cells)

    def trained(some: list[int]):
        # Of a cell that is trained twice, each has generators of its own.
        jobs = [jobs_of(starts, labels, descent, own_batches)[cell] for cell in some]
        return train_stack(network, jobs, data, shared_rng(own_batches))

    full = trained(list(range(cells)))
    for some in ([0], [cells - 1], [cells - 1, 0, cells // 2], list(reversed(range(cells)))):
        other = trained(some)
        for place, cell in enumerate(some):
            histories_equal(full, other, cell, place)


@given(
    hidden=st.lists(st.integers(1, 40), max_size=3).map(tuple),
    batch_size=st.integers(1, 60),
    cells=st.integers(2, 20),
    activation=st.sampled_from(["sigmoid", "tanh", "relu"]),
    cost=st.sampled_from(["quadratic", "cross_entropy"]),
    rule=st.sampled_from(RULE_SETTINGS),
    weight_decay=st.sampled_from([0, 0.1]),
    center=st.booleans(),
    shift=st.integers(0, 1),
    own_batches=st.booleans(),
    dropout=st.sampled_from([0, 0.5]),
)
@settings(max_examples=30, deadline=None)
def test_a_cell_gets_the_same_bits_in_every_stack(
    hidden, batch_size, cells, activation, cost, rule, weight_decay, center, shift, own_batches, dropout
) -> None:
    network = network_of(hidden, activation=activation, cost=cost)
    name, momentum, rate = rule
    descent = Descent(rate, batch_size, 1, momentum, "constant", 1, center, shift, name, weight_decay, dropout)
    assert_same_bits_in_every_stack(network, descent, data_set(), cells, own_batches)


@pytest.mark.parametrize("hidden", [(16, 16), (25,), (30,), (100,), (128,), (150,), (512,), (16, 512)])
@pytest.mark.parametrize("batch_size", [10, 32, 128])
@pytest.mark.parametrize("center", [False, True])
def test_a_cell_on_images_of_real_size_gets_the_same_bits_in_a_stack_of_32(hidden, batch_size, center) -> None:
    network = Network((784, *hidden, CLASSES))
    cells = 32 if max(hidden) <= 100 else 4
    data = data_set(rows=150, test_rows=20, side=28)
    assert_same_bits_in_every_stack(network, Descent(0.3, batch_size, 1, 0.5, center=center), data, cells)


DESCENTS = st.builds(
    lambda rule, scale, decay, schedule, weight_decay, epochs, dropout: Descent(
        rule[2] * scale, 16, epochs, rule[1], schedule, decay, False, 0, rule[0], weight_decay, dropout
    ),
    st.sampled_from(RULE_SETTINGS),
    st.sampled_from([0.3, 1.0]),
    st.sampled_from([0.5, 0.9]),
    st.sampled_from(["constant", "exponential", "cosine"]),
    st.sampled_from([0, 0.1, 0.2]),
    st.integers(1, 3),
    st.sampled_from([0, 0, 0.2, 0.5]),
)


@given(
    descents=st.lists(DESCENTS, min_size=2, max_size=12),
    hidden=st.sampled_from([(), (7, 5), (16,), (100, 9)]),
    own_batches=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_cells_with_descents_of_their_own_get_the_bits_of_each_trained_alone(descents, hidden, own_batches) -> None:
    network, data, count = network_of(hidden), data_set(), len(descents)
    starts, labels = starts_of(network, count), labels_of(data, count)
    together = train_stack(network, jobs_of(starts, labels, descents, own_batches), data, shared_rng(own_batches))
    for cell, descent in enumerate(descents):
        job = jobs_of(starts, labels, descents, own_batches)[cell]
        alone = train_stack(network, [job], data, shared_rng(own_batches))
        assert together.epochs[cell] == alone.epochs[0] == descent.epochs
        for name, values in together.metrics.items():
            np.testing.assert_array_equal(values[: descent.epochs + 1, cell], alone.metrics[name][:, 0])
            assert np.isnan(values[descent.epochs + 1 :, cell]).all()
        for layer, twin in zip(together.parameters[cell], alone.parameters[0], strict=True):
            np.testing.assert_array_equal(layer.weights, twin.weights)
            np.testing.assert_array_equal(layer.biases, twin.biases)


def test_every_cell_of_a_mixed_stack_follows_its_own_readable_loop() -> None:
    network, data = network_of(), data_set()
    descents = [Descent(rate, 16, 2, momentum, rule=rule) for rule, momentum, rate in RULE_SETTINGS]
    starts, labels = starts_of(network, len(descents)), labels_of(data, len(descents))
    jobs = jobs_of(starts, labels, descents)
    history = train_stack(network, jobs, data, generator(0, "order"))
    for cell, job in enumerate(jobs):
        expected = train(network, replace(job, batch_rng=generator(0, "order")), data.train_images)
        for layer, oracle in zip(history.parameters[cell], expected, strict=True):
            np.testing.assert_allclose(layer.weights, oracle.weights, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("field", ["batch_size", "center", "shift"])
def test_cells_with_other_mini_batches_can_not_share_a_stack(field: str) -> None:
    descents = [Descent(epochs=1), Descent(epochs=1, **{field: 2})]
    with pytest.raises(ValueError, match=f"^{field}: .* given; allowed: one for all cells of a stack"):
        run(2, descent=descents)


def run(cells: int, network: Network | None = None, data: Dataset | None = None, **options):
    network, data = network or network_of(), data or data_set()
    starts = options.pop("starts", starts_of(network, cells))
    jobs = jobs_of(starts, options.pop("labels", labels_of(data, cells)), options.pop("descent", Descent(0.5, 8, 4)))
    return train_stack(network, jobs, data, generator(0, "order"), **options)


@pytest.mark.parametrize("rule", RULE_SETTINGS, ids=str)
def test_a_cell_that_diverges_leaves_the_stack_and_the_others_get_the_same_bits(rule: tuple[str, float, float]) -> None:
    name, momentum, rate = rule
    network, descent = network_of(activation="relu", cost="cross_entropy"), Descent(rate, 8, 4, momentum, rule=name)
    starts = starts_of(network, 3)
    undisturbed = run(3, network, descent=descent)
    starts[1] = [Layer(weights * np.float32(1e30), biases) for weights, biases in starts[1]]
    seen = []
    history = run(3, network, descent=descent, starts=starts, on_epoch=lambda epoch, metrics: seen.append(metrics))
    assert history.diverged.tolist() == [False, True, False]
    assert history.epochs.tolist() == [4, 0, 4]
    assert np.isnan(seen[1]["train/cost"]).tolist() == [False, True, False]
    assert np.isnan(history.metrics["test/accuracy"][1:, 1]).all()
    for cell in (0, 2):
        histories_equal(history, undisturbed, cell, cell)


def test_a_cell_that_diverges_during_training_is_reported_with_its_epoch() -> None:
    network = network_of(activation="relu", cost="cross_entropy")
    history = run(2, network, descent=Descent(1e30, 8, 4, schedule="constant"))
    assert history.diverged.all()
    assert history.epochs.tolist() == [1, 1]
    assert not np.isfinite(history.metrics["train/cost"][1]).any()


def test_a_cell_that_reaches_the_stop_accuracy_leaves_and_the_others_go_on() -> None:
    descent = Descent(2.0, 8, 12, schedule="constant")
    free = run(9, descent=descent)
    reached = free.metrics["train/accuracy"]
    threshold = np.median(reached[4:9].max(axis=0))
    history = run(9, descent=descent, stop_accuracy=threshold)
    for cell in range(9):
        hits = np.flatnonzero(reached[:, cell] >= threshold)
        last = hits[0] if hits.size else 12
        assert history.epochs[cell] == last
        for name, values in history.metrics.items():
            np.testing.assert_array_equal(values[: last + 1, cell], free.metrics[name][: last + 1, cell])
            assert np.isnan(values[last + 1 :, cell]).all()
    assert len(set(history.epochs)) > 1
    assert not history.diverged.any()


def test_a_stopped_cell_keeps_the_weights_of_its_last_epoch() -> None:
    stopped = run(2, descent=Descent(0.5, 8, 4, schedule="constant"), stop_accuracy=0.0)
    assert stopped.epochs.tolist() == [0, 0]
    for parameters, start in zip(stopped.parameters, starts_of(network_of(), 2), strict=True):
        for layer, first in zip(parameters, start, strict=True):
            np.testing.assert_array_equal(layer.weights, first.weights)


def test_a_stack_in_which_all_have_ended_trains_no_further() -> None:
    epochs: list[int] = []
    run(3, descent=Descent(0.5, 8, 50), stop_accuracy=0.0, on_epoch=lambda epoch, metrics: epochs.append(epoch))
    assert epochs == [0]


def test_between_the_first_and_the_last_epoch_training_metrics_can_be_computed_on_the_first_rows_only() -> None:
    data, descent = data_set(), Descent(0.5, 8, 3)
    labels, found = labels_of(data, 2), []
    some, all_rows = run(2, data=data, descent=descent, evaluation_rows=20), run(2, data=data, descent=descent)
    for name, values in some.metrics.items():
        whole = all_rows.metrics[name]
        np.testing.assert_array_equal(values[[0, -1]], whole[[0, -1]])
        if name.startswith("test/"):
            np.testing.assert_array_equal(values, whole)
    for epochs in (1, 2):  # the last epochs of shorter descents: no rate depends on how many epochs follow
        shorter = run(2, data=data, descent=replace(descent, epochs=epochs))
        for cell in range(2):
            answers = network_of().answers(shorter.parameters[cell], scaled(data.train_images[:20]))
            hits = answers.argmax(axis=1) == labels[cell, :20]
            found.append(some.metrics["train/accuracy"][epochs, cell] == pytest.approx(hits.mean()))
    assert all(found)


def test_a_cell_is_measured_on_the_same_rows_whenever_the_others_of_its_stack_end() -> None:
    descents = [Descent(0.5, 8, epochs, schedule="constant") for epochs in (2, 4)]
    both = run(2, descent=descents, evaluation_rows=20)
    for cell, descent in enumerate(descents):
        alone = run(2, descent=descent, evaluation_rows=20)
        for name, values in alone.metrics.items():
            np.testing.assert_array_equal(values[:, cell], both.metrics[name][: descent.epochs + 1, cell])


def test_some_rows_can_not_say_that_a_cell_has_fitted_all() -> None:
    with pytest.raises(ValueError, match="evaluation_rows: 20 given with stop_accuracy; allowed: one of the two"):
        run(2, evaluation_rows=20, stop_accuracy=0.9)


@given(
    arrays(
        np.float32, st.tuples(st.integers(1, 256), st.integers(1, 3), st.integers(1, 9)), elements=st.integers(-2, 2)
    )
)
def test_the_answer_is_the_first_of_the_largest_activations(answers: np.ndarray) -> None:
    np.testing.assert_array_equal(first_largest(answers), answers.argmax(axis=0))


def test_a_network_with_undefined_activations_predicts_none_of_the_classes() -> None:
    assert first_largest(np.array([[[0.1, np.nan]], [[0.9, 0.2]]], np.float32)).tolist() == [[1, 2]]


def test_training_does_not_change_the_starts_and_the_data() -> None:
    data, starts = data_set(), starts_of(network_of(), 2)
    labels = labels_of(data, 2)
    for array in (data.train_images, data.train_labels, data.test_images, data.test_labels, labels):
        array.flags.writeable = False
    before = [[layer.weights.copy() for layer in start] for start in starts]
    run(2, data=data, starts=starts, labels=labels)
    for start, weights in zip(starts, before, strict=True):
        for layer, w in zip(start, weights, strict=True):
            np.testing.assert_array_equal(layer.weights, w)


def test_epochs_are_reported_from_the_untrained_network_on() -> None:
    seen = []
    history = run(2, on_epoch=lambda epoch, metrics: seen.append((epoch, metrics["train/cost"].tolist())))
    assert [epoch for epoch, _ in seen] == [0, 1, 2, 3, 4]
    assert [costs for _, costs in seen] == history.metrics["train/cost"].tolist()


def test_every_image_needs_a_label_in_every_cell() -> None:
    data = data_set()
    with pytest.raises(ValueError, match=r"^train_labels: shape \(69,\) given; allowed: \(70,\)"):
        run(2, data=data, labels=labels_of(data, 2)[:, 1:])


@pytest.mark.parametrize(
    ("own", "shared", "message"),
    [
        ([True, False], False, "1 for 2 cells given"),
        ([False, False], False, "0 for 2 cells given"),
        ([True, True], True, "2 for 2 cells and one for the stack given"),
    ],
)
def test_mini_batches_are_drawn_by_one_generator_for_the_stack_or_one_for_each_cell(own, shared, message) -> None:
    data, network = data_set(), network_of()
    jobs = jobs_of(starts_of(network, 2), labels_of(data, 2), Descent(0.5, 8, 4), own_batches=True)
    jobs = [job if kept else replace(job, batch_rng=None) for job, kept in zip(jobs, own, strict=True)]
    with pytest.raises(ValueError, match=f"^batch_rng: {message}; allowed: one for each, or for the stack"):
        train_stack(network, jobs, data, generator(0, "order") if shared else None)


def test_an_exception_in_the_callback_ends_the_training() -> None:
    def stop(epoch: int, metrics: dict) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(2, on_epoch=stop)


def test_blas_has_one_thread_during_training_and_as_many_as_before_afterwards() -> None:
    def threads() -> tuple[int, ...]:
        return tuple(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")

    before, seen = threads(), set()
    run(1, on_epoch=lambda epoch, metrics: seen.update(threads()))
    assert seen == {1}
    assert threads() == before


def test_parameters_have_the_shapes_of_the_network() -> None:
    network = network_of()
    for parameters in run(3, network).parameters:
        assert [layer.weights.shape for layer in parameters] == list(pairwise(network.sizes))
        assert [layer.biases.shape for layer in parameters] == [(size,) for size in network.sizes[1:]]
