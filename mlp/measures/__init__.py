"""Measures of trained networks: the table of metrics, confidence on noise, memorization, forgetting, the landscape.

In: networks, parameters, curves. Out: numbers and arrays. May import `mlp.statistics`, `mlp.nn` and `mlp.data`.
"""
