"""Many networks trained as one: the stack, its layers, the first layer in groups, and the pixels that it reads.

`mlp.network` and `mlp.descent` say the same for one network, in a form for reading; the tests hold the two together.
"""
