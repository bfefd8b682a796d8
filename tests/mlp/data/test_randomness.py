"""Streams of random numbers: reproducible and distinct."""

from itertools import product

from mlp.data.randomness import STREAMS, generator


def test_a_seed_and_a_stream_always_give_the_same_numbers():
    assert (generator(3, "order").random(5) == generator(3, "order").random(5)).all()


def test_no_two_streams_or_seeds_give_the_same_numbers():
    first_draws = {generator(seed, stream).random() for seed, stream in product(range(5), STREAMS)}
    assert len(first_draws) == 5 * len(STREAMS)
