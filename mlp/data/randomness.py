"""The source of all random numbers: one seed, six independent streams."""

from numpy.random import Generator, SeedSequence, default_rng

STREAMS = ("start", "order", "corruption", "noise", "rows", "dropout")


def generator(seed: int, stream: str) -> Generator:
    """A new generator for one purpose.

    Parameters
    ----------
    seed : int, 0 or more
    stream : {"start", "order", "corruption", "noise", "rows", "dropout"}
        Initial weights; order and shifts of the mini-batches; corrupted labels and images; noise images; the choice of
        training rows; dropped activations. The streams of a seed are independent: drawing more from one does not change
        another.

    Raises
    ------
    ValueError
        If the seed is negative or the stream unknown.

    Examples
    --------
    >>> from mlp import generator
    >>> bool(generator(0, "start").random() == generator(0, "start").random())
    True
    >>> bool(generator(0, "start").random() == generator(0, "order").random())
    False
    """
    return default_rng(SeedSequence(seed, spawn_key=(STREAMS.index(stream),)))
