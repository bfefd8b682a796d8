"""The claim `regularization`."""

import numpy as np
import pytest

from mlp.claims.findings import (
    TrainedNetwork,
)
from tests.mlp.claims.constructed import constructed, line, measured


def test_a_regularizer_that_slows_only_memorizing_hinders_it_more():
    def nets(shuffled: list[float], test: float) -> list[TrainedNetwork]:
        return [
            constructed(0, fraction=0, accuracy=line(10), test=test),
            constructed(0, fraction=1, accuracy=shuffled, test=0.1),
        ]

    none, slower = nets(line(20), 0.9), nets(line(40), 0.93)
    never = nets(np.full(101, 0.5), 0.9)
    found = measured("regularization", none, decay=slower, shift=none, both=never, dropout=slower)
    assert found["decay_gain"] == pytest.approx([0.03])
    assert (found["decay_slow_true"], found["decay_slow_shuffled"]) == ([1], [2])
    assert found["decay_hinders"] == [2]
    assert found["shift_hinders"] == [1]
    assert found["dropout_over_decay"] == [1]
    assert found["both_slow_shuffled"] == [100 / 18]  # one that never gets there counts with all its epochs
