"""The claim `patterns_first`."""

import numpy as np
import pytest

from tests.mlp.claims.constructed import constructed, measured


def test_a_peak_before_the_wrong_labels_are_memorized_is_told_from_one_after():
    def net(p, test, memorized, seed=0):
        made = constructed(seed, fraction=p, accuracy=[0.1, 0.5, 0.6, 0.9])
        made.curves.update({"test/accuracy": np.array(test), "train/accuracy_memorized": np.array(memorized)})
        return made

    early = net(0.5, [0.1, 0.9, 0.8, 0.6], [0.1, 0.02, 0.4, 0.9])
    late = net(0.8, [0.1, 0.3, 0.35, 0.4], [0.1, 0.3, 0.6, 0.9])
    true = net(0, [0.1, 0.9, 0.95, 0.95], [np.nan] * 4)
    found = measured("patterns_first", [true, early, late])
    assert found["before"] == 0.5
    assert (found["peak_0.5"], found["peak_0.8"], found["peak_0"]) == ([1], [3], [2])
    assert found["lost_0.5"] == pytest.approx([0.3])
    assert (found["memorized_at_peak"], found["memorized_at_end"]) == ([0.9], [0.9])
    assert (found["lost_true"], found["lost_least"]) == ([0], [0])
