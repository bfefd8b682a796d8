"""The claim that a trained network is sure of its answers to noise (the lesson; Hendrycks & Gimpel 2016)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, TrainedNetwork
from mlp.claims.noise.figure import favourite_digits, share_above
from mlp.data.randomness import generator
from mlp.measures.confidence import NOISES, confidence, noise_images, unclipped_gaussian
from mlp.nn.descent import scaled
from mlp.nn.network import Parameters

NOISE_COUNT = 1_000
LESSONS_SEED = 4  # numpy.random.seed(4), then uniform pixels: the image that the lesson's network takes for a 5


def measure(
    lesson: list[TrainedNetwork],
    normal: list[TrainedNetwork],
    decayed: list[TrainedNetwork],
    wide: list[TrainedNetwork],
    entropy: list[TrainedNetwork],
    deep: list[TrainedNetwork],
) -> Findings:
    """Confidence of trained and untrained networks in their answers to noise images.

    Parameters
    ----------
    lesson
        The lesson's recipe: weights from N(0, 1), a constant rate.
    normal, decayed
        The same network with a decayed rate, from N(0, 1) and from N(0, 1/fan_in).
    wide, entropy
        A wide network with the quadratic cost, and networks of two widths with cross-entropy.
    deep
        With the architecture of Hendrycks & Gimpel's network.
    """
    widths = [net for net in entropy if net.width == 16], [net for net in entropy if net.width > 16]
    groups = {"lesson": lesson, "normal": normal, "decayed": decayed, "wide": wide,
              "entropy": widths[0], "wide_entropy": widths[1]}  # fmt: skip
    inputs = {"noise": uniform(lesson[0]), "digits": scaled(lesson[0].data.test_images)}
    quantities: dict[str, Any] = {}
    for name, nets in groups.items():
        quantities |= {f"{name}_{measure}": values for measure, values in confidence_of(nets, inputs).items()}
    image = lessons_image(lesson[0])
    answers = np.array([net.network.answers(net.parameters, image)[0] for net in lesson])
    quantities |= {
        "image": answers.max(axis=1),
        "image_is_5": (answers.argmax(axis=1) == 5).astype(float),
        **earlier(decayed),
        **hendrycks(deep),
    }
    net = lesson[0]
    noises = noise_images("uniform", 5, net.data, generator(0, "noise"))
    images = np.concatenate([scaled(net.data.test_images[:2]), image, scaled(noises)])
    titles = [*(f"test: {label}" for label in net.data.test_labels[:2]), "the lesson's", *["uniform"] * 5]
    largest = {
        title: np.concatenate([largest_activations(net, inputs[kind]) for net in lesson])
        for title, kind in (("uniform noise", "noise"), ("test digits", "digits"))
    }
    pictures = {
        "population": share_above(largest, {"the lesson's image": answers.max(axis=1)}),
        "gallery": figures.answer_gallery(images, net.network.answers(net.parameters, images), titles),
        "favourites": favourite_digits({"uniform": favourites(lesson, inputs["noise"])}, net.data.classes),
    }
    return Findings(quantities, pictures)


def lessons_image(net: TrainedNetwork) -> NDArray:
    """The lesson's noise image, (1, pixels) floats in [0, 1]; 28 x 28 pixels, as it was drawn."""
    return RandomState(LESSONS_SEED).uniform(size=(1, net.network.sizes[0])).astype(np.float32)


def uniform(net: TrainedNetwork) -> NDArray:
    """The uniform noise images, the same for all networks, as inputs."""
    return scaled(noise_images("uniform", NOISE_COUNT, net.data, generator(0, "noise")))


def largest_activations(net: TrainedNetwork, inputs: NDArray) -> NDArray:
    """The largest output activation for each input, (n,)."""
    return net.network.answers(net.parameters, inputs).max(axis=1)


def favourites(nets: Sequence[TrainedNetwork], inputs: NDArray) -> NDArray:
    """Each network's most frequent answer, (networks,)."""
    answers = [net.network.answers(net.parameters, inputs).argmax(axis=1) for net in nets]
    return np.array([np.bincount(answer).argmax() for answer in answers])


def confidence_of(nets: Sequence[TrainedNetwork], inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """How sure networks are of ``noise``, beside the same for ``digits``; for each measure (seeds,)."""
    found: dict[str, NDArray] = {}
    for kind, images in inputs.items():
        largest = [largest_activations(net, images) for net in nets]
        found[f"{kind}_confidence"] = np.array([values.mean() for values in largest])
        for least in (0.5, 0.9):
            found[f"{kind}_above_{least}"] = np.array([(values > least).mean() for values in largest])
    with np.errstate(all="ignore"):  # a network may be sure of nothing
        found["as_often"] = found["noise_above_0.9"] / found["digits_above_0.9"]
    found["as_sure"] = found["noise_confidence"] / found["digits_confidence"]
    return found


def earlier(nets: Sequence[TrainedNetwork]) -> dict[str, NDArray]:
    """What was judged before the lesson's recipe was known: the gain by training, for four kinds of noise.

    The sigmoid outputs of the lesson's network do not sum to 1. Its largest activation is therefore compared as a share
    of all ten (``normalized``).
    """
    quantities: dict[str, NDArray] = {}
    for kind in NOISES:
        images = scaled(noise_images(kind, NOISE_COUNT, nets[0].data, generator(0, "noise")))
        before = [measures(net, net.start, images) for net in nets]
        after = [measures(net, net.parameters, images) for net in nets]
        quantities |= {
            f"{kind}_{name}": np.array([row[measure] for row in after])
            for name, measure in (("confidence", "confidence"), ("unsure", "none_above_0.5"),
                                  ("favourite_share", "favourite_share"), ("auroc", "auroc"))
        }  # fmt: skip
        quantities[f"{kind}_untrained"] = np.array([row["confidence"] for row in before])
        quantities[f"{kind}_gain"] = np.array(
            [late["normalized"] - early["normalized"] for early, late in zip(before, after, strict=True)]
        )
    return quantities


def hendrycks(nets: Sequence[TrainedNetwork]) -> dict[str, NDArray]:
    """Confidence of the deep network in uniform noise, Gaussian noise as in the paper, and Gaussian pixels."""
    pixels = nets[0].network.sizes[0]
    inputs = {
        "uniform": uniform(nets[0]),
        "normal": unclipped_gaussian(NOISE_COUNT, pixels, generator(0, "noise")),
        "gaussian": scaled(noise_images("gaussian", NOISE_COUNT, nets[0].data, generator(0, "noise"))),
    }
    quantities: dict[str, NDArray] = {}
    for kind, images in inputs.items():
        found = [measures(net, net.parameters, images) for net in nets]
        for name in ("confidence", "auroc"):
            quantities[f"deep_{kind}_{name}"] = np.array([row[name] for row in found])
    return quantities


def measures(net: TrainedNetwork, parameters: Parameters, inputs: NDArray) -> dict[str, float]:
    """`mlp.measures.confidence.confidence` of a network with these parameters."""
    on_test = net.network.answers(parameters, scaled(net.data.test_images))
    return confidence(net.network.answers(parameters, inputs), on_test)
