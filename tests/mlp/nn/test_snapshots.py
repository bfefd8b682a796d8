"""The weights of earlier epochs: which are kept, that they are those of the epoch, and that their file is sound."""

import numpy as np
import pytest

from mlp import CellJob, Dataset, Descent, Network, generator, train_stack
from mlp.nn.network import flatten
from mlp.nn.weights import MAX_BYTES, kept_epochs, read_snapshots, snapshot, snapshot_arrays, write_snapshots

NETWORK = Network((16, 5, 3))
STARTS = [NETWORK.initialize(generator(seed, "start")) for seed in range(2)]


@pytest.mark.parametrize("epochs", [1, 3, 30, 31, 1000, 100_000])
@pytest.mark.parametrize("parameters", [12, 13_002, 150_000, 500_000])
def test_early_epochs_are_kept_densely_never_the_last_one_and_never_too_many_bytes(epochs, parameters):
    kept = kept_epochs(epochs, parameters)
    assert kept == sorted(set(kept))
    assert all(0 <= epoch < epochs for epoch in kept)
    assert 2 * parameters * len(kept) <= MAX_BYTES
    assert kept[:1] == [0] * (parameters <= 200_000)
    gaps = np.diff(kept_epochs(epochs, 12))
    assert (np.diff(gaps) >= 0).all()


def test_of_the_lessons_network_every_step_of_the_series_is_kept():
    assert kept_epochs(31, 13_002) == [0, 1, 2, 3, 5, 8, 13, 20, 30]
    assert kept_epochs(30, 13_002) == [0, 1, 2, 3, 5, 8, 13, 20]


def test_of_a_larger_network_the_start_the_latest_and_some_between_are_kept():
    assert kept_epochs(30, 60_000) == [0, 5, 20]


def trained(epochs: int, **settings) -> tuple:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 16), dtype=np.uint8), rng.integers(0, 3, 40, dtype=np.uint8)
    data = Dataset("random", images, labels, images, labels, "")
    descent = Descent(epochs=epochs, schedule="constant")
    jobs = [CellJob(start, labels, descent) for start in STARTS]
    history = train_stack(NETWORK, jobs, data, generator(0, "order"), **settings)
    return history.parameters, history.snapshots


def test_a_snapshot_is_the_network_that_a_training_of_so_many_epochs_gives_in_half_precision():
    _, snapshots = trained(5)
    for cell in range(2):
        assert sorted(snapshots[cell]) == kept_epochs(5, NETWORK.parameter_count) == [0, 1, 2, 3]
        for epoch, expected in ((0, STARTS), (2, trained(2)[0])):
            found = flatten(snapshots[cell][epoch])
            assert found.dtype == np.float16
            np.testing.assert_array_equal(found, flatten(expected[cell]).astype(np.float16))


def test_a_cell_that_ends_early_has_no_snapshots_of_later_epochs():
    _, snapshots = trained(5, stop_accuracy=0.0)
    assert [sorted(each) for each in snapshots] == [[0], [0]]


def test_what_was_written_is_read(tmp_path):
    snapshots = {0: snapshot(STARTS[0]), 13: snapshot(STARTS[1])}
    write_snapshots(tmp_path / "s.npz", snapshots)
    back = read_snapshots(tmp_path / "s.npz")
    assert list(back) == [0, 13]
    for epoch, parameters in snapshots.items():
        assert flatten(back[epoch]).tobytes() == flatten(parameters).tobytes()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 damaged", b"text"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, content):
    (tmp_path / "s.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"^snapshots: .*s\.npz is damaged"):
        read_snapshots(tmp_path / "s.npz")


def test_a_file_without_networks_is_refused(tmp_path):
    np.savez(tmp_path / "s.npz", **{"3/other": np.zeros(2)})
    with pytest.raises(ValueError, match="holds no networks"):
        read_snapshots(tmp_path / "s.npz")


def test_a_weight_beyond_half_precision_becomes_infinite_without_a_warning():
    large = [layer._replace(weights=layer.weights * np.float32(1e6)) for layer in STARTS[0]]
    assert np.isinf(snapshot(large)[0].weights).any()
    assert list(snapshot_arrays({1: snapshot(large)})) == ["1/W0", "1/b0", "1/W1", "1/b1"]
