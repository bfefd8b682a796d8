"""Sparse products that are added into an existing array, from `scipy.sparse._sparsetools`.

Public, but with one more array for each product, and in another order of rounding: ``z += csr_array(...) @ rare`` for
`csr_matvecs`, and ``rare += csr_array(...).T @ d`` for `csc_matvecs`.
"""

from scipy.sparse._sparsetools import csc_matvecs, csr_matvecs

__all__ = ["csc_matvecs", "csr_matvecs"]
