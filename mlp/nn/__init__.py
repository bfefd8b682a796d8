"""The readable network: activations, costs, backpropagation, step rules, gradient descent, and the files of weights.

In: images, labels, a `Descent`. Out: trained parameters. May import `mlp.data`. `mlp.engine` computes the same for many
networks at once and is tested against this room.
"""
