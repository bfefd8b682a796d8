"""Names of libraries that are private there, each beside the public way; and modules of this package under old names.

`tests/mlp/test_internals.py` says what a new release has changed.
"""
