"""Many networks trained as one: the stack, its layers, the first layer in groups, and the pixels that it reads.

In: cells of one shape and their data. Out: a `History` of metrics and weights. May import `mlp.measures` and the rooms
below it. `mlp.nn` says the same for one network, in a form for reading; the tests hold the two together.
"""
