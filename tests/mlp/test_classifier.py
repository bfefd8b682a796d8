"""The estimator: scikit-learn's own checks, and that it is this project's network inside."""

import copy
import inspect
import io
import pickle
import tracemalloc
import warnings
from dataclasses import fields

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlp import CellJob, Descent, MLPClassifier, Network, flatten, generator, load, train

ORDER_MATTERS = "weights can't equal repeated rows where the order of the rows draws the mini-batches"


@pytest.fixture(scope="module")
def digits():
    return load("digits", side=8)


@pytest.fixture
def pixels_and_labels(digits):
    return digits.train_images[:200], digits.train_labels[:200]


def assert_same_bits(one, other):
    np.testing.assert_array_equal(flatten(one.parameters_), flatten(other.parameters_))


@parametrize_with_checks(
    [MLPClassifier()],
    expected_failed_checks=lambda estimator: {
        f"check_sample_weight_equivalence_on_{kind}_data": ORDER_MATTERS for kind in ("dense", "sparse")
    },
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # some checks fit what can't be learned,
@pytest.mark.filterwarnings("ignore:X. inputs with a root mean square")  # and what is not scaled
def test_scikit_learn_accepts_the_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.filterwarnings("ignore:X. inputs with a root mean square", "ignore:the network did not learn")
def test_in_full_batches_scikit_learns_checks_of_weights_pass_too(kind):
    check = getattr(estimator_checks, f"check_sample_weight_equivalence_on_{kind}_data")
    check("MLPClassifier", MLPClassifier(batch_size=10_000))


def test_its_defaults_are_those_of_the_network_and_the_descent():
    defaults = {name: value.default for name, value in inspect.signature(MLPClassifier).parameters.items()}
    for field in (*fields(Descent), *fields(Network)):
        if field.name not in ("center", "shift", "sizes"):
            assert defaults[field.name] == field.default
    assert defaults["hidden_sizes"] == Network().sizes[1:-1]


class TestTraining:
    def test_it_reads_digits(self, digits):
        model = MLPClassifier(random_state=0).fit(digits.train_images, digits.train_labels)
        assert model.score(digits.test_images, digits.test_labels) > 0.93

    def test_one_seed_gives_the_same_weights_and_another_seed_others(self, pixels_and_labels):
        first, again, other = (MLPClassifier(epochs=5, random_state=seed).fit(*pixels_and_labels) for seed in (3, 3, 4))
        assert_same_bits(first, again)
        assert (flatten(first.parameters_) != flatten(other.parameters_)).any()

    def test_a_random_state_object_draws_a_new_seed_each_time(self, pixels_and_labels):
        state = np.random.RandomState(0)
        first, second = (MLPClassifier(epochs=5, random_state=state).fit(*pixels_and_labels) for _ in range(2))
        assert (flatten(first.parameters_) != flatten(second.parameters_)).any()

    @pytest.mark.parametrize(
        "settings", [{}, {"momentum": 0.5}, {"rule": "adam", "learning_rate": 0.01}, {"weight_decay": 0.001},
                     {"dropout": 0.2}], ids=str
    )  # fmt: skip
    def test_its_weights_are_those_of_the_network_trained_with_the_same_seed(self, digits, settings):
        model = MLPClassifier(epochs=2, random_state=7, **settings).fit(digits.train_images, digits.train_labels)
        network = Network((64, 16, 16, 10))
        start, descent = network.initialize(generator(7, "start")), Descent(epochs=2, **settings)
        job = CellJob(start, digits.train_labels, descent, generator(7, "order"), generator(7, "dropout"))
        expected = train(network, job, digits.train_images)
        np.testing.assert_allclose(flatten(model.parameters_), flatten(expected), atol=1e-4)

    def test_numpy_numbers_give_the_same_bits_as_pythons(self, pixels_and_labels):
        plain = {"learning_rate": 0.7, "momentum": 0.6, "weight_decay": 0.0003, "batch_size": 10}
        numpy = {name: np.array(value)[()] for name, value in plain.items()}
        one, other = (MLPClassifier(epochs=20, random_state=0, **s).fit(*pixels_and_labels) for s in (plain, numpy))
        assert_same_bits(one, other)

    def test_the_loss_curve_is_the_average_cost_after_each_epoch(self, pixels_and_labels):
        pixels, labels = pixels_and_labels
        for epochs in (4, 5):
            model = MLPClassifier(epochs=epochs, random_state=0).fit(pixels, labels)
            cost = model.network_.average_cost(model.parameters_, pixels * np.float32(1 / 255), labels)
            assert model.n_iter_ == len(model.loss_curve_) == epochs
            assert model.loss_curve_[-1] == pytest.approx(cost, rel=1e-5)

    def test_verbose_prints_the_cost_of_every_epoch(self, pixels_and_labels, capsys):
        model = MLPClassifier(epochs=4, random_state=0, verbose=True).fit(*pixels_and_labels)
        expected = [f"epoch {epoch}: cost {cost:.6f}" for epoch, cost in enumerate(model.loss_curve_, start=1)]
        assert capsys.readouterr().out.splitlines() == expected

    def test_a_batch_size_above_the_number_of_examples_is_the_whole_set_and_takes_no_more_memory(self, digits):
        pixels, labels = digits.train_images[:100], digits.train_labels[:100]
        all_rows = MLPClassifier(epochs=60, batch_size=100, random_state=0).fit(pixels, labels)
        tracemalloc.start()
        huge = MLPClassifier(epochs=60, batch_size=10**9, random_state=0).fit(pixels, labels)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 10e6
        assert_same_bits(all_rows, huge)

    def test_a_grid_search_tunes_it(self, digits):
        search = GridSearchCV(MLPClassifier(epochs=3, random_state=0), {"learning_rate": [0.01, 1.5]}, cv=2)
        with pytest.warns(ConvergenceWarning, match="did not learn"):
            search.fit(digits.train_images, digits.train_labels)
        assert search.best_params_ == {"learning_rate": 1.5}


class TestInputs:
    def test_pixels_and_the_same_as_floats_get_the_same_answers(self, pixels_and_labels):
        pixels, labels = pixels_and_labels
        floats = pixels * np.float32(1 / 255)
        model = MLPClassifier(epochs=5, random_state=0)
        np.testing.assert_array_equal(
            model.fit(pixels, labels).predict_proba(pixels), model.fit(floats, labels).predict_proba(floats)
        )

    @pytest.mark.filterwarnings("ignore:the network did not learn")
    @pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
    @pytest.mark.parametrize("dtype", [np.int64, np.float64, np.float32, np.uint16])
    def test_pixels_of_other_types_than_uint8_warn_and_say_what_to_do(self, pixels_and_labels, dtype, activation):
        pixels, labels = pixels_and_labels
        with pytest.warns(UserWarning, match=r"^X: inputs .* given; scale them .* or pass pixels .* as uint8"):
            MLPClassifier(epochs=1, activation=activation, random_state=0).fit(pixels.astype(dtype), labels)

    def test_the_warnings_point_at_the_callers_line(self, pixels_and_labels):
        pixels, labels = pixels_and_labels
        floats = pixels.astype(float)
        trained = MLPClassifier(epochs=5, random_state=0).fit(pixels, labels)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            MLPClassifier(epochs=1, random_state=0).fit(floats, labels)
            MLPClassifier(random_state=0).partial_fit(floats, labels, classes=range(10))
            trained.predict_proba(floats)
        assert [str(warning.message)[:9] for warning in caught] == ["X: inputs", "the netwo", "X: inputs", "X: inputs"]
        assert {warning.filename for warning in caught} == {__file__}

    def test_a_network_that_was_trained_on_pixels_warns_of_answers_to_unscaled_ones(self, pixels_and_labels):
        pixels, labels = pixels_and_labels
        model = MLPClassifier(epochs=5, random_state=0).fit(pixels, labels)
        np.testing.assert_array_equal(model.predict(pixels / 255), model.predict(pixels))
        with pytest.warns(UserWarning, match=r"^X: inputs .* given; scale them .* or pass pixels .* as uint8"):
            model.predict(pixels.astype(np.int64))

    @pytest.mark.parametrize("form", [np.asarray, csr_array])
    @pytest.mark.parametrize("brightest", [1, 16, 100])
    @pytest.mark.filterwarnings("ignore:the network did not learn")
    def test_numbers_of_type_uint8_that_are_no_pixels_to_255_warn_and_say_what_to_do(
        self, pixels_and_labels, brightest, form
    ):
        pixels, labels = pixels_and_labels
        levels = np.rint(pixels / 255 * brightest).astype(np.uint8)
        with pytest.warns(UserWarning, match=rf"^X: uint8 values up to {brightest} given.*; pass X / {brightest} if"):
            MLPClassifier(epochs=1).fit(form(levels), labels)
        MLPClassifier(epochs=1).fit(levels / brightest, labels)  # and nothing warns

    @pytest.mark.parametrize("form", [csr_array, coo_array])
    def test_sparse_and_dense_inputs_give_the_same_network(self, pixels_and_labels, form):
        pixels, labels = pixels_and_labels
        for inputs in (pixels, pixels / 255):
            dense = MLPClassifier(epochs=5, random_state=0).fit(inputs, labels)
            sparse = MLPClassifier(epochs=5, random_state=0).fit(form(inputs), labels)
            assert_same_bits(dense, sparse)
            np.testing.assert_allclose(sparse.predict_proba(form(inputs)), dense.predict_proba(inputs), rtol=1e-4)

    def test_more_classes_than_a_byte_can_count_are_learned(self):
        labels = np.repeat(np.arange(300), 2)
        inputs = np.random.default_rng(0).standard_normal((300, 40))[labels]
        model = MLPClassifier((200,), cost="cross_entropy", learning_rate=0.1, epochs=40, momentum=0.9, random_state=0)
        assert model.fit(inputs, labels).score(inputs, labels) > 0.99


class TestAnswers:
    def test_answers_are_probabilities_and_the_largest_one_is_the_prediction(self, digits):
        names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
        model = MLPClassifier(epochs=3, random_state=0).fit(digits.train_images, names[digits.train_labels])
        answers = model.predict_proba(digits.test_images)
        np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_array_equal(model.predict(digits.test_images), np.sort(names)[answers.argmax(axis=1)])
        np.testing.assert_allclose(np.exp(model.predict_log_proba(digits.test_images)), answers, rtol=1e-5)


class TestWarnings:
    @pytest.mark.parametrize(
        "settings",
        [
            {"learning_rate": 1e30},
            {"learning_rate": 1000, "activation": "relu"},
            {"learning_rate": 1e-6},
            {"rule": "adam", "learning_rate": 100},
        ],
        ids=str,
    )
    def test_a_network_that_is_no_better_than_a_constant_answer_warns(self, pixels_and_labels, settings):
        with pytest.warns(ConvergenceWarning, match="^the network did not learn .*change learning_rate"):
            model = MLPClassifier(epochs=5, random_state=0, **settings).fit(*pixels_and_labels)
        assert model.loss_curve_[-1] > 0.89  # ten classes of about a tenth: a constant answer costs 0.9

    @pytest.mark.parametrize("early_stopping", [False, True])
    def test_training_that_diverges_warns_and_keeps_the_last_finite_parameters(self, early_stopping):
        inputs, labels = np.random.default_rng(0).normal(size=(50, 4)), np.arange(50) % 2
        model = MLPClassifier(
            activation="relu", cost="cross_entropy", learning_rate=1e30, random_state=0, early_stopping=early_stopping
        )
        with pytest.warns(ConvergenceWarning, match=r"^training diverged in epoch 1; .*Lower learning_rate \(1e\+30\)"):
            model.fit(inputs, labels)
        assert model.n_iter_ == 0
        np.testing.assert_array_equal(
            flatten(model.parameters_), flatten(model.network_.initialize(generator(0, "start")))
        )
        assert np.isfinite(model.predict_proba(inputs)).all()

    def test_a_single_class_is_learned_without_a_warning(self):
        assert MLPClassifier().fit([[0.0], [1.0]], [7, 7]).predict([[0.5]]).tolist() == [7]


class TestParameters:
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("hidden_sizes", 30),
            ("hidden_sizes", "ab"),
            ("hidden_sizes", (1.5,)),
            ("hidden_sizes", (16, 0)),
            ("activation", "logistic"),
            ("cost", "hinge"),
            ("start", None),
            ("epochs", "3"),
            ("epochs", 0),
            ("learning_rate", None),
            ("learning_rate", np.inf),
            ("learning_rate", -1),
            ("batch_size", 10.0),
            ("batch_size", "auto"),
            ("momentum", 1),
            ("schedule", "stairs"),
            ("decay", 0),
            ("random_state", -1),
            ("random_state", np.random.default_rng(0)),
            ("rule", "lbfgs"),
            ("weight_decay", -0.1),
            ("dropout", 1),
            ("warm_start", "yes"),
            ("early_stopping", None),
            ("validation_fraction", 1.0),
            ("n_iter_no_change", 0),
        ],
        ids=str,
    )
    def test_a_wrong_parameter_is_refused_by_name(self, name, value):
        with pytest.raises(ValueError, match=rf"^The '{name}(\[\d\])?' parameter of MLPClassifier must be .* Got "):
            MLPClassifier(**{name: value}).fit([[0.0], [1.0]], [0, 1])

    @pytest.mark.parametrize("settings", [{"rule": "adam", "momentum": 0.9}, {"rule": "nesterov"}], ids=str)
    def test_a_momentum_that_the_rule_can_not_use_is_refused_by_name(self, settings):
        with pytest.raises(ValueError, match=r"^momentum: .* given; allowed: "):
            MLPClassifier(**settings).fit([[0.0], [1.0]], [0, 1])


class TestPartialFit:
    @pytest.mark.parametrize(
        "settings",
        [{}, {"momentum": 0.5}, {"rule": "adam", "learning_rate": 0.01}, {"rule": "nesterov", "momentum": 0.5}],
        ids=str,
    )
    def test_every_call_is_one_more_epoch_of_fit(self, pixels_and_labels, settings):
        pixels, labels = pixels_and_labels
        whole = MLPClassifier(epochs=6, schedule="constant", random_state=0, **settings).fit(pixels, labels)
        parts = MLPClassifier(random_state=0, **settings)
        for _ in range(6):
            parts.partial_fit(pixels, labels, classes=range(10))
        assert_same_bits(whole, parts)
        assert parts.loss_curve_ == whole.loss_curve_
        assert parts.n_iter_ == 6

    def test_it_learns_from_chunks_that_do_not_contain_all_classes(self, digits):
        model = MLPClassifier(random_state=0)
        by_label = np.argsort(digits.train_labels % 3, kind="stable")
        for _ in range(20):
            for rows in np.array_split(by_label, 3):
                model.partial_fit(digits.train_images[rows], digits.train_labels[rows], classes=range(10))
        assert model.score(digits.test_images, digits.test_labels) > 0.8

    def test_labels_that_were_not_announced_are_refused(self, pixels_and_labels):
        pixels, labels = pixels_and_labels
        model = MLPClassifier().partial_fit(pixels[labels < 9], labels[labels < 9], classes=range(9))
        with pytest.raises(ValueError, match=r"^y: \[9\] given; allowed: "):
            model.partial_fit(pixels, labels)

    def test_a_first_call_that_failed_leaves_nothing_behind(self, pixels_and_labels):
        model = MLPClassifier(random_state=0)
        with pytest.raises(ValueError, match="NaN"):
            model.partial_fit([[np.nan]], [0], classes=[0, 1])
        model.partial_fit(*pixels_and_labels, classes=range(10))
        assert_same_bits(model, MLPClassifier(random_state=0).partial_fit(*pixels_and_labels, classes=range(10)))


class TestWarmStart:
    def test_the_second_fit_goes_on_with_the_parameters_of_the_first(self, pixels_and_labels):
        pixels, labels = pixels_and_labels
        model = MLPClassifier(epochs=5, random_state=0, warm_start=True).fit(pixels, labels)
        first = model.parameters_
        model.fit(pixels, labels)
        expected = train(model.network_, CellJob(first, labels, Descent(epochs=5), generator(0, "order")), pixels)
        np.testing.assert_allclose(flatten(model.parameters_), flatten(expected), atol=1e-4)
        assert model.n_iter_ == 5

    def test_other_classes_or_layers_are_refused(self, pixels_and_labels):
        pixels, labels = pixels_and_labels
        model = MLPClassifier(epochs=5, random_state=0, warm_start=True).fit(pixels, labels)
        with pytest.raises(ValueError, match=r"^warm_start: classes .* given; allowed: "):
            model.fit(pixels, labels % 5)
        with pytest.raises(ValueError, match=r"^warm_start: layers \(64, 8, 10\); allowed: .*\(64, 16, 16, 10\)"):
            model.set_params(hidden_sizes=(8,)).fit(pixels, labels)


class TestEarlyStopping:
    def test_it_stops_after_the_patience_and_keeps_the_parameters_of_the_best_epoch(self, digits):
        pixels, labels = digits.train_images, digits.train_labels
        settings = {"random_state": 0, "early_stopping": True, "n_iter_no_change": 3, "schedule": "constant"}
        model = MLPClassifier(epochs=200, **settings).fit(pixels, labels)
        best = int(np.argmax(model.validation_scores_))
        assert model.n_iter_ == len(model.validation_scores_) == best + 4 < 200
        until_best = MLPClassifier(epochs=best + 1, **settings).fit(pixels, labels)
        assert_same_bits(model, until_best)
        assert until_best.validation_scores_ == model.validation_scores_[: best + 1]

    def test_validation_examples_are_not_trained_on_and_are_a_share_of_each_class(self, digits):
        pixels, labels = digits.train_images[:400], digits.train_labels[:400]
        model = MLPClassifier(
            epochs=20, random_state=0, early_stopping=True, validation_fraction=0.25, n_iter_no_change=20
        ).fit(pixels, labels)
        # Accuracies are multiples of 1 / 100.
        hits = np.array(model.validation_scores_) * 100
        np.testing.assert_allclose(hits, hits.round(), atol=1e-9)

    def test_partial_fit_refuses_it(self, pixels_and_labels):
        with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
            MLPClassifier(early_stopping=True).partial_fit(*pixels_and_labels, classes=range(10))


class TestSampleWeight:
    def test_in_full_batches_a_weight_of_three_is_three_copies(self, pixels_and_labels):
        pixels, labels = pixels_and_labels
        weights = np.arange(200) % 4
        model = MLPClassifier(epochs=40, batch_size=10**6, random_state=0, schedule="constant")
        weighted = flatten(model.fit(pixels, labels, sample_weight=weights).parameters_)
        costs = model.loss_curve_
        model.fit(pixels.repeat(weights, axis=0), labels.repeat(weights))
        np.testing.assert_allclose(weighted, flatten(model.parameters_), atol=1e-4)
        np.testing.assert_allclose(costs, model.loss_curve_, rtol=1e-4)

    @pytest.mark.parametrize("method", ["fit", "partial_fit"])
    def test_examples_of_weight_0_are_left_out(self, pixels_and_labels, method):
        pixels, labels = pixels_and_labels
        weights = (np.arange(200) % 3 > 0) * 2.0
        classes = {"classes": range(10)} if method == "partial_fit" else {}
        one, other = MLPClassifier(epochs=20, random_state=0), MLPClassifier(epochs=20, random_state=0)
        getattr(one, method)(pixels, labels, sample_weight=weights, **classes)
        getattr(other, method)(pixels[weights > 0], labels[weights > 0], **classes)
        assert_same_bits(one, other)

    def test_a_heavy_class_is_predicted_more_often(self, pixels_and_labels):
        pixels, labels = pixels_and_labels
        model = MLPClassifier(epochs=20, random_state=0)
        plain = (model.fit(pixels, labels).predict(pixels) == 8).sum()
        heavy = model.fit(pixels, labels, sample_weight=np.where(labels == 8, 20, 1))
        assert (heavy.predict(pixels) == 8).sum() > plain

    def test_only_zeros_are_refused(self, pixels_and_labels):
        with pytest.raises(ValueError, match="Sample weights must contain at least one non-zero"):
            MLPClassifier().fit(*pixels_and_labels, sample_weight=np.zeros(200))


class TestCopies:
    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
    def test_a_copy_answers_and_learns_on_as_the_original_does(self, pixels_and_labels, copied):
        pixels, labels = pixels_and_labels
        model = MLPClassifier(epochs=5, momentum=0.5, random_state=0).fit(pixels, labels)
        twin = copied(model)
        np.testing.assert_array_equal(twin.predict_proba(pixels), model.predict_proba(pixels))
        for one in (model, twin):
            one.partial_fit(pixels, labels)
        assert_same_bits(model, twin)

    def test_a_pickle_of_another_format_is_refused_before_its_attributes_are_read(self, pixels_and_labels, monkeypatch):
        model = MLPClassifier(epochs=5, random_state=0).fit(*pixels_and_labels)
        monkeypatch.setattr("mlp.nn.pickles.FORMAT", 999)
        other = pickle.dumps(model)
        monkeypatch.undo()
        with pytest.raises(ValueError, match=r"^pickle: MLPClassifier in format 999 given; allowed: \d+\. Read"):
            pickle.loads(other)

    def test_a_pickle_from_before_there_were_formats_is_refused(self):
        class Old(pickle.Pickler):
            def reducer_override(self, obj):
                if isinstance(obj, MLPClassifier):
                    return object.__new__, (MLPClassifier,), {"hidden_sizes": (16, 16), "parameters_": []}
                return NotImplemented

        file = io.BytesIO()
        Old(file).dump(MLPClassifier())
        with pytest.raises(ValueError, match=r"^pickle: MLPClassifier in format None given; allowed: "):
            pickle.loads(file.getvalue())
