"""The first layer in groups: its products, and that their bits do not depend on a network's place in a group."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from mlp.engine.cost import group_size
from mlp.engine.first_layer import MAX_SUM, Grouping, Products, pack_groups, unpack_groups
from mlp.engine.pixels import Batch, whole_tiles

RARE = 6


def test_a_group_fills_256_columns_but_has_at_least_one_network() -> None:
    assert [group_size(width) for width in (1, 10, 16, 100, 256, 512)] == [256, 25, 16, 2, 1, 1]


@given(
    cells=st.integers(1, 9),
    rows=st.integers(1, 5),
    fan_out=st.integers(1, 5),
    group=st.integers(1, 4),
    narrow=st.booleans(),
)
def test_unpacking_undoes_packing(cells: int, rows: int, fan_out: int, group: int, narrow: bool) -> None:
    grouping = Grouping((cells,), fan_out, group, narrow)
    weights = np.random.default_rng(0).random((cells, rows, fan_out), np.float32)
    runs = pack_groups(weights, grouping)
    assert all(run.flags.c_contiguous for run in runs)
    np.testing.assert_array_equal(unpack_groups(runs, grouping), weights)


def test_the_last_group_of_a_block_has_whole_tiles_for_its_cells_if_it_may_be_narrow() -> None:
    # 16 columns a network, 8 of zeros at both sides; 33 networks are two full groups and one that is left.
    assert Grouping((33, 9), 16, 16, narrow=True).runs == [(2, 16, 272), (1, 1, 32), (1, 9, 160)]
    assert Grouping((33, 9), 16, 16, narrow=False).runs == [(2, 16, 272), (1, 1, 272), (1, 9, 272)]
    assert Grouping((3,), 10, 1, narrow=True).runs == [(3, 1, 10)]


def batch_of(n: int, dense: int) -> Batch:
    rng = np.random.default_rng(n)
    rare = csr_array(rng.random((n, RARE), np.float32) * (rng.random((n, RARE)) < 0.3))
    pixels = np.ones((whole_tiles(n), dense), np.float32)
    pixels[:, :-1] = rng.random((len(pixels), dense - 1), np.float32)
    return Batch(n, pixels, rare.indptr, rare.indices, rare.data)


def test_products_are_those_of_each_network_on_its_own() -> None:
    cells, n, dense, fan_out = 5, 7, 4, 3
    rng, batch, grouping = np.random.default_rng(0), batch_of(n, dense), Grouping((cells,), fan_out, 2, narrow=True)
    weights = rng.standard_normal((cells, dense + RARE, fan_out)).astype(np.float32)
    delta = rng.standard_normal((cells, n, fan_out)).astype(np.float32)
    rare = csr_array((batch.values, batch.columns, batch.row_starts), shape=(n, RARE)).toarray()
    inputs = np.concatenate([batch.dense[:n], rare], axis=1)

    runs = pack_groups(weights, grouping)
    groups = [group for run in runs for group in run]
    products = Products(grouping, n, dense, groups, groups)
    products.add_up([batch] * len(groups))
    products.sums.to_cells()
    np.testing.assert_allclose(products.sums.cells, inputs @ weights, rtol=1e-5, atol=1e-5)
    products.delta.cells[...] = delta
    products.delta.to_groups()
    products.add_gradient([batch] * len(groups))
    np.testing.assert_allclose(unpack_groups(runs, grouping), weights + inputs.T @ delta, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("fan_out", [1, 10, 16, 25, 30, 100])
@given(
    n=st.integers(1, MAX_SUM),
    dense=st.sampled_from([1, 2, 33, 257, MAX_SUM, 500, 718, 785]),
    rest=st.floats(0, 1, exclude_max=True),
)
@settings(max_examples=20, deadline=None)
def test_equal_networks_get_equal_bits_at_every_place(fan_out: int, n: int, dense: int, rest: float) -> None:
    """In a group with fewer networks, too. If this fails, the BLAS in use needs other margins, or shorter sums."""
    group = group_size(fan_out)
    cells, narrow = group + max(int(group * rest), 1), dense <= MAX_SUM
    rng, batch, grouping = np.random.default_rng(0), batch_of(n, dense), Grouping((cells,), fan_out, group, narrow)
    one = rng.standard_normal((dense + RARE, fan_out)).astype(np.float32)
    runs = pack_groups(np.broadcast_to(one, (cells, *one.shape)), grouping)
    groups = [group for run in runs for group in run]
    products = Products(grouping, n, dense, groups, groups)
    products.add_up([batch] * len(groups))
    products.sums.to_cells()
    assert (products.sums.cells == products.sums.cells[0]).all()
    products.delta.cells[...] = rng.standard_normal((n, fan_out)).astype(np.float32)
    products.delta.to_groups()
    products.add_gradient([batch] * len(groups))
    after = unpack_groups(runs, grouping)
    assert (after == after[0]).all()
