"""The claim that the first layer's weights, drawn as pictures, look almost random (the lesson)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlp import figures
from mlp.claims.findings import Findings, Networks, TrainedNetwork
from mlp.measures.landscape import noise_autocorrelation, spatial_autocorrelation, weight_images

DRAWN_POWER = 0.3  # the lesson draws a weight with the opacity |w|^0.3, in one colour for each sign


def measure(lesson: Networks, normal: Networks, decayed: Networks) -> Findings:
    """Similarity of neighbouring pixels (Moran's I) in the pictures of the weights, for three ways of training.

    The networks are those of the claim `noise`.
    """
    net = lesson[0]
    side = weight_images(net.start[0].weights).shape[1]
    digits = spatial_autocorrelation(net.data.test_images[:1000].reshape(-1, side, side).astype(np.float64))
    mean, deviation = noise_autocorrelation(side, side)
    quantities: dict[str, Any] = {"noise_limit": mean + 3 * deviation, "digits": float(np.mean(digits))}
    groups = {"lesson": lesson, "normal": normal, "decayed": decayed}
    for name, nets in groups.items():
        quantities |= {f"{name}_{of}": values for of, values in measures(nets).items()}
    quantities["lesson_pattern"] = quantities["lesson_drawn"] - quantities["noise_limit"]
    names = {"lesson": "recipe", "normal": "decayed", "decayed": "scaled"}  # rows of a picture have room for a word
    rows = {"untrained": drawn(net.start[0].weights)}
    rows |= {names[name]: drawn(nets[0].parameters[0].weights) for name, nets in groups.items()}
    changes = {names[name]: weight_images(change(nets[0])) for name, nets in groups.items()}
    galleries = {"weights": figures.weight_gallery(rows, most=8), "changes": figures.weight_gallery(changes, most=8)}
    return Findings(quantities, galleries)


def measures(nets: Networks) -> dict[str, NDArray]:
    """Accuracy, cost, and Moran's I of the weights: raw, as drawn, before training, and of their change; (seeds,)."""
    return {
        "accuracy": nets.over_seeds("test/accuracy"),
        "cost": nets.over_seeds("test/cost"),
        "raw": nets.over_seeds(lambda net: autocorrelation(weight_images(net.parameters[0].weights))),
        "drawn": nets.over_seeds(lambda net: autocorrelation(drawn(net.parameters[0].weights))),
        "untrained": nets.over_seeds(lambda net: autocorrelation(weight_images(net.start[0].weights))),
        "changes": nets.over_seeds(lambda net: autocorrelation(weight_images(change(net)))),
        "middle": nets.over_seeds(middle),
    }


def autocorrelation(images: NDArray) -> float:
    """Moran's I, averaged over images (n, side, side)."""
    return float(spatial_autocorrelation(images).mean())


def drawn(weights: NDArray) -> NDArray:
    """Pictures (neurons, side, side) of weights (pixels, neurons) as the lesson draws them: sign(w) |w|^0.3."""
    images = weight_images(weights)
    return np.sign(images) * np.abs(images) ** DRAWN_POWER


def change(net: TrainedNetwork) -> NDArray:
    """The change of the first layer's weights by training."""
    return net.parameters[0].weights - net.start[0].weights


def middle(net: TrainedNetwork) -> float:
    """Root mean square of the weights in the middle half of the image, divided by that of the frame around it."""
    images = weight_images(net.parameters[0].weights)
    side = images.shape[1]
    inside = np.zeros((side, side), bool)
    inside[side // 4 : -(side // 4), side // 4 : -(side // 4)] = True
    return float(np.sqrt((images[:, inside] ** 2).mean() / (images[:, ~inside] ** 2).mean()))
