"""Solutions of the smallest norm (Zhang et al. 2016, arXiv 1611.03530, section 5)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from mlp.claims.findings import Findings, Networks
from mlp.claims.implicit.figure import norms_and_errors
from mlp.data.corruption import corrupt_labels
from mlp.data.randomness import generator
from mlp.data.sets import blocks
from mlp.theory.kernels import (
    curvatures_of,
    descend_quadratic,
    gabor_features,
    gaussian_kernel,
    median_distance,
    minimum_norm,
    solution_norm,
)

WIDTHS = (0.125, 0.25, 0.5, 1.0)  # of the Gaussian kernel, in median distances of two images
CHOICE_ROWS = 5_000  # training images by which a width is chosen: it is solved on three fifths, tested on the others
LINEAR_ROWS, KERNEL_ROWS = 200, 2_000  # training images of the systems that gradient descent solves too
STEPS = 3_000
ANSWERED = 1_000  # images whose kernel with all training images is in memory at once


def measure(trained: Networks) -> Findings:
    """Section 5: the solution of the smallest norm, what gradient descent from zero finds, and what the norm says.

    With a Gaussian kernel, on pixels and on Gabor filters. The width of the kernel is chosen on held-out training
    images. Seeds concern only the networks that were trained on the same images.
    """
    data = trained[0].data
    views = {
        "pixels": (data.train_images / 255, data.test_images / 255),
        "gabor": (gabor_features(data.train_images / 255), gabor_features(data.test_images / 255)),
    }
    targets = np.eye(data.classes)
    shuffled = corrupt_labels(data.train_labels, "shuffle", 1, data.classes, generator(0, "corruption"))
    both = np.hstack([targets[data.train_labels], targets[shuffled]])
    quantities: dict[str, Any] = {"images": float(len(both)), "network_error": 1 - trained.over_seeds("test/accuracy")}
    held_out = {}
    for name, (images, test_images) in views.items():
        held_out[name] = by_width(images, data.train_labels, targets)
        width = WIDTHS[held_out[name][1].argmin()] * median_distance(images)
        coefficients = minimum_norm(gaussian_kernel(images, images, width), both)
        fitted, outputs = (kernel_outputs(some, images, width, coefficients) for some in (images, test_images))
        true, random = np.split(np.arange(2 * data.classes), 2)
        quantities |= {
            f"{name}_width": width / median_distance(images),
            f"{name}_misfit": float((fitted[:, true].argmax(axis=1) != data.train_labels).mean()),
            f"{name}_error": float((outputs[:, true].argmax(axis=1) != data.test_labels).mean()),
            f"{name}_norm": solution_norm(coefficients[:, true], both[:, true]),
            f"{name}_shuffled_misfit": float((fitted[:, random].argmax(axis=1) != shuffled).mean()),
            f"{name}_shuffled_error": float((outputs[:, random].argmax(axis=1) != data.test_labels).mean()),
            f"{name}_shuffled_norm": solution_norm(coefficients[:, random], both[:, random]),
        }
    norms, errors = (np.concatenate([table[i] for table in held_out.values()]) for i in (0, 1))
    quantities |= {
        "error_ratio": quantities["pixels_error"] / quantities["gabor_error"],
        "norm_ratio": quantities["gabor_norm"] / quantities["pixels_norm"],
        "norm_and_error": float(stats.spearmanr(norms, errors).statistic),
        **linear_descent(*views["pixels"], targets[data.train_labels], data.test_labels),
        **kernel_descent(*views["pixels"], targets[data.train_labels], quantities["pixels_width"]),
    }
    return Findings(
        quantities,
        {"norms": norms_and_errors(WIDTHS, dict(zip(("pixels", "Gabor filters"), held_out.values(), strict=True)))},
    )


def kernel_outputs(images: NDArray, training: NDArray, width: float, coefficients: NDArray) -> NDArray:
    """Outputs (m, k) of a kernel solution for images (m, d)."""
    parts = [gaussian_kernel(block, training, width) @ coefficients for block in blocks(images, ANSWERED)]
    return np.concatenate(parts)


def by_width(images: NDArray, labels: NDArray, targets: NDArray) -> NDArray:
    """Norm and held-out error of the solution for each of `WIDTHS`: (2, widths); the test images are not used."""
    images, labels = images[:CHOICE_ROWS], labels[:CHOICE_ROWS]
    solved = 3 * len(images) // 5
    held_out, scale, table = images[solved:], median_distance(images), []
    for width in scale * np.array(WIDTHS):
        coefficients = minimum_norm(gaussian_kernel(images[:solved], images[:solved], width), targets[labels[:solved]])
        answers = kernel_outputs(held_out, images[:solved], width, coefficients).argmax(axis=1)
        table.append([solution_norm(coefficients, targets[labels[:solved]]), (answers != labels[solved:]).mean()])
    return np.array(table).T


def linear_descent(images: NDArray, test_images: NDArray, targets: NDArray, test_labels: NDArray) -> dict[str, float]:
    """Gradient descent on a linear system with fewer images than pixels, from zero and from a random start."""
    images, targets = images[:LINEAR_ROWS], targets[:LINEAR_ROWS]
    kernel = images @ images.T
    curvatures = curvatures_of(kernel)
    solution = images.T @ minimum_norm(kernel, targets)
    random = generator(0, "start").standard_normal(solution.shape) / np.sqrt(len(solution))
    from_zero, from_random = (
        descend_quadratic(lambda weights: images.T @ (images @ weights - targets), start, curvatures, STEPS)
        for start in (np.zeros_like(solution), random)
    )

    def error(weights: NDArray) -> float:
        return float(((test_images @ weights).argmax(axis=1) != test_labels).mean())

    return {
        "linear_misfit": float(np.abs(images @ from_zero - targets).max()),
        "linear_apart": float(np.linalg.norm(from_zero - solution) / np.linalg.norm(solution)),
        "linear_error": error(from_zero),
        "random_misfit": float(np.abs(images @ from_random - targets).max()),
        "random_norm": float(np.linalg.norm(from_random) / np.linalg.norm(solution)),
        "random_error": error(from_random),
    }


def kernel_descent(images: NDArray, test_images: NDArray, targets: NDArray, width: float) -> dict[str, float]:
    """Gradient descent from zero on a kernel system: its coefficients move by the error of each training image."""
    images, targets = images[:KERNEL_ROWS], targets[:KERNEL_ROWS]
    width *= median_distance(images)
    kernel = gaussian_kernel(images, images, width)
    found = descend_quadratic(
        lambda coefficients: kernel @ coefficients - targets, np.zeros_like(targets), curvatures_of(kernel), STEPS
    )
    solved = minimum_norm(kernel, targets)
    there, here = (kernel_outputs(test_images, images, width, coefficients) for coefficients in (solved, found))
    return {
        "kernel_apart": float(np.linalg.norm(here - there) / np.linalg.norm(there)),
        "kernel_agrees": float((here.argmax(axis=1) == there.argmax(axis=1)).mean()),
    }
