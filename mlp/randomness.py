"""Every random number of the project comes from here: one seed, four independent streams."""

from numpy.random import Generator, SeedSequence, default_rng

STREAMS = ("start", "order", "corruption", "noise")


def generator(seed: int, stream: str) -> Generator:
    """A fresh generator for one use of a seed.

    Parameters
    ----------
    seed : int, 0 or more
    stream : {"start", "order", "corruption", "noise"}
        The start of the weights, the order of the mini-batches (with their random shifts), corrupted labels and
        inputs, noise images. Streams of one seed are independent: drawing more from one changes no other.
    """
    return default_rng(SeedSequence(seed, spawn_key=(STREAMS.index(stream),)))
