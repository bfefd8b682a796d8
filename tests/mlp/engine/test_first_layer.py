"""The first layer in groups: its products, and that their bits do not depend on a network's place in a group."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from mlp.engine.cost import group_size
from mlp.engine.first_layer import Grouping, Products, pack_groups, unpack_groups
from mlp.engine.pixels import Batch, whole_tiles

RARE = 6


def test_a_group_fills_256_columns_but_has_at_least_one_network() -> None:
    assert [group_size(width) for width in (1, 10, 16, 100, 256, 512)] == [256, 25, 16, 2, 1, 1]


@given(cells=st.integers(1, 9), rows=st.integers(1, 5), fan_out=st.integers(1, 5), group=st.integers(1, 4))
def test_unpacking_undoes_packing(cells: int, rows: int, fan_out: int, group: int) -> None:
    grouping = Grouping((cells,), fan_out, group)
    weights = np.random.default_rng(0).random((cells, rows, fan_out), np.float32)
    groups = pack_groups(weights, grouping)
    assert groups.flags.c_contiguous
    np.testing.assert_array_equal(unpack_groups(groups, grouping), weights)


def batch_of(n: int, dense: int) -> Batch:
    rng = np.random.default_rng(n)
    rare = csr_array(rng.random((n, RARE), np.float32) * (rng.random((n, RARE)) < 0.3))
    pixels = np.ones((whole_tiles(n), dense), np.float32)
    pixels[:, :-1] = rng.random((len(pixels), dense - 1), np.float32)
    return Batch(n, pixels, rare.indptr, rare.indices, rare.data)


def test_products_are_those_of_each_network_on_its_own() -> None:
    cells, n, dense, fan_out = 5, 7, 4, 3
    rng, batch, grouping = np.random.default_rng(0), batch_of(n, dense), Grouping((cells,), fan_out, 2)
    weights = rng.standard_normal((cells, dense + RARE, fan_out)).astype(np.float32)
    delta = rng.standard_normal((cells, n, fan_out)).astype(np.float32)
    rare = csr_array((batch.values, batch.columns, batch.row_starts), shape=(n, RARE)).toarray()
    inputs = np.concatenate([batch.dense[:n], rare], axis=1)

    groups = pack_groups(weights, grouping)
    products = Products(grouping, n, dense, groups, groups)
    products.add_up([batch] * len(groups))
    products.sums.to_cells()
    np.testing.assert_allclose(products.sums.cells, inputs @ weights, rtol=1e-5, atol=1e-5)
    products.slopes.cells[...] = delta
    products.slopes.to_groups()
    products.add_slopes([batch] * len(groups))
    np.testing.assert_allclose(unpack_groups(groups, grouping), weights + inputs.T @ delta, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("fan_out", [1, 10, 16, 25, 30, 100])
@given(n=st.integers(1, 260), dense=st.sampled_from([1, 2, 33, 257, 500, 718, 785]))
@settings(max_examples=12, deadline=None)
def test_equal_networks_get_equal_bits_at_every_place(fan_out: int, n: int, dense: int) -> None:
    """In a group padded with zeros, too. If this fails, the BLAS in use needs other margins."""
    group = group_size(fan_out)
    cells = group + max(group // 2, 1)
    rng, batch, grouping = np.random.default_rng(0), batch_of(n, dense), Grouping((cells,), fan_out, group)
    one = rng.standard_normal((dense + RARE, fan_out)).astype(np.float32)
    groups = pack_groups(np.broadcast_to(one, (cells, *one.shape)), grouping)
    products = Products(grouping, n, dense, groups, groups)
    products.add_up([batch] * len(groups))
    products.sums.to_cells()
    assert (products.sums.cells == products.sums.cells[0]).all()
    products.slopes.cells[...] = rng.standard_normal((n, fan_out)).astype(np.float32)
    products.slopes.to_groups()
    products.add_slopes([batch] * len(groups))
    after = unpack_groups(groups, grouping)
    assert (after == after[0]).all()
