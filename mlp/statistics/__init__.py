"""Numbers over seeds: means and spreads with their intervals, differences between groups and tests of them.

In: arrays (seeds,) or (groups, seeds). Out: estimates with intervals, as tables. Imports no other room of `mlp`.
"""
