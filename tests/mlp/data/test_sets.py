"""Data sets, fetched with the real fetch_openml from a fake OpenML, and the real MNIST if it is in a data home."""

import subprocess
import sys

import numpy as np
import pytest
from scipy.ndimage import zoom
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from mlp.data.sets import DataFallback, DataUnavailable, class_name, load, resized


class TestSplits:
    def test_the_first_rows_train_and_the_last_rows_test(self, openml, tmp_path):
        data = load("mnist")
        np.testing.assert_array_equal(data.train_images, openml.images[:60])
        np.testing.assert_array_equal(data.train_labels, openml.labels[:60])
        np.testing.assert_array_equal(data.test_images, openml.images[60:])
        np.testing.assert_array_equal(data.test_labels, openml.labels[60:])
        assert (data.name, data.classes) == ("mnist", 10)
        assert data.train_images.dtype == data.train_labels.dtype == np.uint8
        assert data.train_images.flags.c_contiguous

    def test_a_stratified_split_takes_one_in_seven_of_every_class(self, openml, tmp_path):
        data = load("mnist", split="stratified")
        assert np.bincount(data.train_labels).tolist() == [6] * 10
        assert np.bincount(data.test_labels).tolist() == [1] * 10
        together = np.concatenate([data.train_images, data.test_images])
        np.testing.assert_array_equal(np.unique(together, axis=0), np.unique(openml.images, axis=0))

    def test_a_stratified_split_depends_only_on_its_seed(self, openml, tmp_path):
        first, again, other = (load("mnist", split="stratified", seed=s) for s in (0, 0, 1))
        np.testing.assert_array_equal(first.train_images, again.train_images)
        assert (first.train_images != other.train_images).any()
        assert first.digest == again.digest != other.digest

    def test_rows_keeps_the_first_rows_or_all_if_there_are_fewer(self, openml, tmp_path):
        few = load("mnist", rows=7, test_rows=3)
        np.testing.assert_array_equal(few.train_images, openml.images[:7])
        np.testing.assert_array_equal(few.test_labels, openml.labels[60:63])
        assert len(load("mnist", rows=1000).train_labels) == 60

    def test_data_sets_of_other_sizes_have_no_canonical_split(self, openml, tmp_path):
        openml.add("Small_28", openml.images[:20], openml.labels[:20].astype(str))
        with pytest.raises(ValueError, match=r"^split: canonical given, .* 20 rows.* allowed: split=stratified$"):
            load("Small_28")

    def test_two_data_sets_have_the_same_digest_if_and_only_if_they_are_the_same(self, openml, tmp_path):
        openml.add("Other", openml.images[::-1], openml.labels.astype(str))
        variants = [{}, {"rows": 7}, {"test_rows": 3}, {"side": 14}, {"split": "stratified"}]
        digests = {load("mnist", **fields).digest for fields in variants}
        digests.add(load("Other").digest)
        assert len(digests) == len(variants) + 1
        plain = load("mnist").digest
        assert load("mnist_784", rows=60, test_rows=10, side=28, seed=5).digest == plain


class TestNames:
    @pytest.mark.parametrize(("name", "openml_name"), [("fashion", "Fashion-MNIST"), ("kmnist", "Kuzushiji-MNIST")])
    def test_fashion_mnist_and_kuzushiji_mnist_have_short_names(self, openml, tmp_path, name, openml_name):
        openml.add(openml_name, openml.images[::-1], openml.labels.astype(str))
        data = load(name)
        assert data.name == name
        np.testing.assert_array_equal(data.train_images, openml.images[::-1][:60])

    def test_labels_of_several_digits_keep_their_numbers(self, openml, tmp_path):
        openml.add("Letters", openml.images, np.arange(70).astype(str))
        assert load("Letters").train_labels.tolist() == list(range(60))

    def test_a_name_that_openml_does_not_know_is_refused(self, openml, tmp_path):
        with pytest.raises(ValueError, match=r"^data: 'nothing' given; .*nothing.* not found"):
            load("nothing")

    @pytest.mark.parametrize("name", ["../mnist", "https://somewhere/x", "a b", "", "..", "mnist\n", "é"])
    def test_a_path_or_an_address_is_refused_as_a_name(self, openml, tmp_path, name):
        with pytest.raises(ValueError, match=r"^data: .* given; allowed: auto, digits, mnist, fashion, kmnist or "):
            load(name)
        assert openml.requests == 0

    @pytest.mark.parametrize(
        "change",
        [
            lambda images, labels: (images[:, :65], labels),
            lambda images, labels: (images[:, : 2 * 64], labels),
            lambda images, labels: (images[:, :49], labels),
            lambda images, labels: (images * 2.0, labels),
            lambda images, labels: (images, np.char.add("class ", labels)),
            lambda images, labels: (images, np.char.add("30", labels)),
        ],
        ids=["65 pixels", "2 channels", "7 x 7 pixels", "pixels above 255", "names for labels", "labels above 255"],
    )
    def test_data_other_than_square_images_are_refused_in_one_line(self, openml, tmp_path, change):
        openml.add("Wrong", *change(openml.images, openml.labels.astype(str)))
        with pytest.raises(ValueError, match=r"^data: 'Wrong' given; allowed: square images of 8 x 8 .*255$"):
            load("Wrong")

    @pytest.mark.parametrize(
        ("field", "value"), [("split", "half"), ("rows", 0), ("test_rows", -1), ("side", 0), ("side", 29)]
    )
    def test_a_field_out_of_range_is_refused_by_name(self, openml, tmp_path, field, value):
        with pytest.raises(ValueError, match=rf"^{field}: .* given; allowed: "):
            load("mnist", **{field: value})


class TestDigits:
    def test_they_need_no_network_and_both_parts_have_every_class(self, offline):
        data = load("digits")
        assert (data.train_images.shape, data.test_images.shape) == ((1438, 784), (359, 784))
        assert data.train_images.max() == 255
        counts, test_counts = np.bincount(load_digits().target), np.bincount(data.test_labels)
        np.testing.assert_allclose(test_counts, counts / 5, atol=1)

    def test_at_8x8_they_are_scikit_learns_images_scaled_to_255(self, offline):
        data = load("digits", side=8)
        images, labels = load_digits(return_X_y=True)
        train, _ = train_test_split(np.arange(1797), test_size=359, stratify=labels, random_state=0)
        # Not exactly: they are enlarged to 28x28 and averaged down again.
        np.testing.assert_allclose(data.train_images, images[train] * 255 / 16, atol=40)
        assert np.abs(data.train_images - images[train] * 255 / 16).mean() < 8

    def test_auto_is_mnist_if_openml_can_be_reached(self, openml, tmp_path):
        assert load("auto").name == "mnist"

    def test_auto_falls_back_to_the_digits_with_a_warning(self, offline, tmp_path):
        with pytest.warns(DataFallback, match=r"no network.*embedded digits"):
            data = load("auto", rows=10_000)
        assert data.name == "digits"
        assert data.digest == load("digits").digest

    def test_mnist_never_falls_back_and_the_error_names_the_alternatives_on_one_line(self, offline, tmp_path):
        with pytest.raises(DataUnavailable, match=r"SCIKIT_LEARN_DATA .*--data digits .*--data auto$") as refusal:
            load("mnist")
        assert isinstance(refusal.value, ConnectionError)
        assert "\n" not in str(refusal.value)


class TestSizes:
    images = np.random.default_rng(0).integers(256, size=(70, 784), dtype=np.uint8)

    def test_halving_the_side_averages_blocks_of_four(self):
        blocks = self.images.reshape(70, 14, 2, 14, 2)
        np.testing.assert_array_equal(resized(self.images, 14), np.rint(blocks.mean(axis=(2, 4))).reshape(70, 196))

    @pytest.mark.parametrize("side", [1, 10, 14, 27, 29])
    def test_a_grey_image_keeps_its_grey_level(self, side):
        assert (resized(np.full((2, 784), 77, np.uint8), side) == 77).all()

    def test_10x10_averages_over_areas_that_cut_through_pixels(self):
        # Enlarged tenfold, the image divides into blocks of 28x28 pixels.
        fine = zoom(self.images[0].reshape(28, 28), 10, order=0, grid_mode=True, mode="nearest").reshape(10, 28, 10, 28)
        np.testing.assert_array_equal(resized(self.images[:1], 10)[0], np.rint(fine.mean(axis=(1, 3))).ravel())


class TestRealMNIST:
    def test_its_shapes_labels_and_statistics_are_the_published_ones(self, mnist_home, monkeypatch):
        monkeypatch.setenv("SCIKIT_LEARN_DATA", str(mnist_home))
        data = load("mnist")
        assert (data.train_images.shape, data.test_images.shape) == ((60_000, 784), (10_000, 784))
        assert data.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
        assert data.test_labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
        assert np.bincount(data.train_labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert data.train_images.mean() / 255 == pytest.approx(0.1307, abs=1e-4)  # the constants that PyTorch's
        assert data.train_images.std() / 255 == pytest.approx(0.3081, abs=1e-4)  # examples normalise with
        assert (data.train_images.max(axis=0) == 0).sum() == 67


def test_importing_mlp_imports_no_library_that_takes_a_second():
    heavy = ["sklearn", "pandas", "matplotlib", "mlflow", "prefect"]
    code = f"import sys, mlp; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_the_classes_of_fashion_mnist_have_names_and_digits_are_their_own():
    names = [class_name("fashion", label) for label in range(10)]
    assert names[0] == "T-shirt/top"
    assert names[9] == "Ankle boot"
    assert len(set(names)) == 10
    assert class_name("Fashion-MNIST", 5) == class_name("fashion", 5) == "Sandal"
    assert class_name("mnist", 3) == class_name("of somebody else", 3) == "3"
