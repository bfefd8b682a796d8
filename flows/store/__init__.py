"""MLflow: the store itself, and the runs, curves, weights and other artifacts in it.

In: histories of cells. Out: MLflow runs, and tables of them. May import `mlp`, `flows.plan`, `flows.platform`
and `flows.errors`; knows nothing of Prefect.
"""
