"""The claim that a trained network is sure of its answers to noise (the lesson; Hendrycks & Gimpel 2016)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, Networks, TrainedNetwork
from mlp.claims.noise.figure import favourite_digits, share_above
from mlp.data.randomness import generator
from mlp.measures.confidence import NOISES, confidence, noise_images, unclipped_gaussian
from mlp.nn.descent import scaled

NOISE_COUNT = 1_000
LESSONS_SEED = 4  # numpy.random.seed(4), then uniform pixels: the image that the lesson's network takes for a 5


def measure(
    lesson: Networks, normal: Networks, decayed: Networks, wide: Networks, entropy: Networks, deep: Networks
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
    groups = {"lesson": lesson, "normal": normal, "decayed": decayed, "wide": wide}
    groups["entropy"] = entropy.select(width=16)
    groups["wide_entropy"] = Networks(net for net in entropy if net.width > 16)
    inputs = {"noise": uniform(lesson[0]), "digits": scaled(lesson[0].data.test_images)}
    quantities: dict[str, Any] = {}
    for name, nets in groups.items():
        quantities |= {f"{name}_{of}": values for of, values in noise_confidence(nets, inputs).items()}
    image = lessons_image(lesson[0])
    answers = lesson.each(lambda net: net.answers(image)[0])
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
        title: largest_activations(lesson, inputs[kind]).ravel()
        for title, kind in (("uniform noise", "noise"), ("test digits", "digits"))
    }
    pictures = {
        "population": share_above(largest, {"the lesson's image": answers.max(axis=1)}),
        "gallery": figures.answer_gallery(images, net.answers(images), titles),
        "favourites": favourite_digits({"uniform": favourites(lesson, inputs["noise"])}, net.data.classes),
    }
    return Findings(quantities, pictures)


def lessons_image(net: TrainedNetwork) -> NDArray:
    """The lesson's noise image, (1, pixels) floats in [0, 1]; 28 x 28 pixels, as it was drawn."""
    return RandomState(LESSONS_SEED).uniform(size=(1, net.network.sizes[0])).astype(np.float32)


def uniform(net: TrainedNetwork) -> NDArray:
    """The uniform noise images, the same for all networks, as inputs."""
    return scaled(noise_images("uniform", NOISE_COUNT, net.data, generator(0, "noise")))


def largest_activations(nets: Networks, inputs: NDArray) -> NDArray:
    """The largest output activation of each network for each input, (networks, n)."""
    return nets.each(lambda net: net.answers(inputs).max(axis=1))


def favourites(nets: Networks, inputs: NDArray) -> NDArray:
    """Each network's most frequent answer, (networks,)."""
    return nets.each(lambda net: np.bincount(net.answers(inputs).argmax(axis=1)).argmax())


def noise_confidence(nets: Networks, inputs: Mapping[str, NDArray]) -> dict[str, NDArray]:
    """Confidence of networks in their answers to ``noise``, beside that for ``digits``; for each measure (seeds,)."""
    found: dict[str, NDArray] = {}
    for kind, images in inputs.items():
        largest = [*largest_activations(nets, images)]
        found[f"{kind}_confidence"] = np.array([values.mean() for values in largest])
        for least in (0.5, 0.9):
            found[f"{kind}_above_{least}"] = np.array([(values > least).mean() for values in largest])
    with np.errstate(all="ignore"):  # a network may be sure of nothing
        found["as_often"] = found["noise_above_0.9"] / found["digits_above_0.9"]
    found["as_sure"] = found["noise_confidence"] / found["digits_confidence"]
    return found


def earlier(nets: Networks) -> dict[str, NDArray]:
    """The gain by training, for four kinds of noise, which was judged before the lesson's recipe was known.

    The sigmoid outputs of the lesson's network do not sum to 1. Its largest activation is therefore compared as a share
    of all ten (``normalized``).
    """
    quantities: dict[str, NDArray] = {}
    for kind in NOISES:
        images = scaled(noise_images(kind, NOISE_COUNT, nets[0].data, generator(0, "noise")))
        before, after = confidences(nets, images, trained=False), confidences(nets, images)
        quantities |= {
            f"{kind}_confidence": after["confidence"],
            f"{kind}_unsure": after["none_above_0.5"],
            f"{kind}_favourite_share": after["favourite_share"],
            f"{kind}_auroc": after["auroc"],
            f"{kind}_untrained": before["confidence"],
            f"{kind}_gain": after["normalized"] - before["normalized"],
        }
    return quantities


def hendrycks(nets: Networks) -> dict[str, NDArray]:
    """Confidence of the deep network in uniform noise, Gaussian noise as in the paper, and Gaussian pixels."""
    pixels = nets[0].network.sizes[0]
    inputs = {
        "uniform": uniform(nets[0]),
        "normal": unclipped_gaussian(NOISE_COUNT, pixels, generator(0, "noise")),
        "gaussian": scaled(noise_images("gaussian", NOISE_COUNT, nets[0].data, generator(0, "noise"))),
    }
    quantities: dict[str, NDArray] = {}
    for kind, images in inputs.items():
        found = confidences(nets, images)
        quantities |= {f"deep_{kind}_{name}": found[name] for name in ("confidence", "auroc")}
    return quantities


def confidences(nets: Networks, inputs: NDArray, *, trained: bool = True) -> dict[str, NDArray]:
    """Each measure of `mlp.measures.confidence.confidence` on inputs, (networks,)."""

    def of(net: TrainedNetwork) -> dict[str, float]:
        parameters = net.parameters if trained else net.start
        return confidence(net.answers(inputs, parameters), net.answers(scaled(net.data.test_images), parameters))

    found = [of(net) for net in nets]
    return {name: np.array([row[name] for row in found]) for name in found[0]}
