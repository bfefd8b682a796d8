"""From what a user asks for to what is trained: configuration, experiment, cells and their keys, stacks, their data.

In: a preset, a YAML file, options. Out: an `Experiment`, its `Cell`s, stacks of them, and the data set and network of
each cell. May import `mlp` and `flows.errors`; knows neither Prefect nor MLflow.
"""
