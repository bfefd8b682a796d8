"""The page to draw in computes what `mlp` computes: its modules run in Node; the slow suite runs them in a browser."""

import json
import shutil
import subprocess
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from flows.report.explore.packing import exact, pack, rounded
from flows.report.explore.writing import PAGE
from mlp.data.pictures import read_digit
from mlp.data.pictures.square import as_mnist
from mlp.data.preprocessing import PREPROCESSES
from mlp.nn.activations import ACTIVATIONS
from mlp.nn.costs import COSTS
from mlp.nn.network import Network, flatten

pytestmark = pytest.mark.skipif(not shutil.which("node"), reason="no node, which runs the modules")

RNG = np.random.default_rng(0)
# Every activation and every cost, two to four layers.
HIDDEN = [(16, 16), (12,), (7, 8, 9)]
NETWORKS = [
    Network((784, *HIDDEN[place % len(HIDDEN)], 10), activation, cost)
    for place, (activation, cost) in enumerate(product(sorted(ACTIVATIONS), sorted(COSTS)))
]


@pytest.fixture(scope="module")
def modules(tmp_path_factory) -> Path:
    """A folder with the modules of the page, as Node takes them."""
    folder = tmp_path_factory.mktemp("modules")
    for file in PAGE.iterdir():
        if file.name.endswith(".js"):
            (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def computed(modules: Path, program: str, given: Any = None) -> Any:
    """What a program makes of the modules and of `given`: the JSON that its function ``result`` returns."""
    (modules / "given.json").write_text(json.dumps(given))
    start = "import {readFileSync} from 'fs'; const given = JSON.parse(readFileSync('given.json', 'utf8'));"
    end = "console.log(JSON.stringify(await result(given), (_, v) => ArrayBuffer.isView(v) ? Array.from(v) : v));"
    command = ["node", "--input-type=module", "--eval", f"{start}{program}{end}"]
    done = subprocess.run(command, cwd=modules, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_module_is_sound_and_imports_only_what_others_export(modules):
    for file in modules.glob("*.js"):
        subprocess.run(["node", "--check", file.name], cwd=modules, check=True, timeout=60)
    # Importing a module links it with all that it needs; only main.js does something at once.
    imports = [f"await import('./{file.name}');" for file in modules.glob("*.js") if file.name != "main.js"]
    assert computed(modules, f"{''.join(imports)} const result = () => 'linked';") == "linked"


def test_the_page_has_every_activation_every_cost_and_every_preprocessing_of_mlp(modules):
    program = """import {ACTIVATIONS, COSTS} from './network.js'; import {PREPROCESSES} from './deskew.js';
        const result = () => [ACTIVATIONS, COSTS, PREPROCESSES].map(Object.keys);"""
    assert list(map(set, computed(modules, program))) == [set(ACTIVATIONS), set(COSTS), set(PREPROCESSES)]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: f"{network.activation}-{network.cost}")
def test_activations_costs_gradients_and_steps_are_those_of_the_network(modules, network):
    parameters = [
        layer._replace(biases=RNG.normal(size=layer.biases.shape), weights=layer.weights.astype(float))
        for layer in network.initialize(RNG)
    ]
    images, labels = RNG.random((5, 784)), RNG.integers(10, size=5)
    given = {
        "network": {"activation": network.activation, "cost": network.cost},
        "parameters": [{"weights": w.ravel().tolist(), "biases": b.ravel().tolist()} for w, b in parameters],
        "images": images.tolist(),
        "labels": labels.tolist(),
    }
    program = """import {exampleCost, forward, gradientOf, stepped} from './network.js';
        const result = ({network, parameters, images, labels}) => images.map((image, i) => {
          const activations = forward(network, parameters, image);
          const gradient = gradientOf(network, parameters, activations, labels[i]);
          const flat = layers => layers.flatMap(({weights, biases}) => [...weights, ...biases]);
          return {layers: activations.slice(1), cost: exampleCost(network, activations.at(-1), labels[i]),
                  gradient: flat(gradient), stepped: flat(stepped(parameters, gradient, 0.5))};
        });"""
    layers = network.forward(parameters, images)[1:]
    costs = network.example_costs(parameters, images, labels)
    for i, found in enumerate(computed(modules, program, given)):
        for mine, theirs in zip(found["layers"], layers, strict=True):
            np.testing.assert_allclose(mine, theirs[i], rtol=1e-9, atol=1e-12)
        assert found["cost"] == pytest.approx(costs[i])
        gradient = flatten(network.gradient(parameters, images[[i]], labels[[i]]))
        np.testing.assert_allclose(found["gradient"], gradient, rtol=1e-7, atol=1e-12)
        np.testing.assert_allclose(found["stepped"], flatten(parameters) - 0.5 * gradient, rtol=1e-9, atol=1e-12)


def test_the_page_unpacks_the_weights_that_were_packed(modules):
    network = Network((9, 4, 2))
    parameters = network.initialize(RNG)
    text = pack(rounded(parameters) + exact(parameters))
    program = """import {framesOf} from './packed.js';
        const result = ({network, text}) => {
          globalThis.document = {getElementById: () => ({textContent: text})};
          return framesOf(network, 'any');
        };"""
    given = {"network": {"sizes": network.sizes, "formats": ["f2", "f4"]}, "text": text}
    frames = [
        np.concatenate([layer[part] for layer in frame for part in ("weights", "biases")])
        for frame in computed(modules, program, given)
    ]
    np.testing.assert_allclose(frames[0], flatten(parameters), rtol=0.0045, atol=1e-6)
    np.testing.assert_array_equal(frames[1], flatten(parameters).astype(np.float32))


@pytest.mark.parametrize("preprocess", sorted(PREPROCESSES))
def test_drawings_are_preprocessed_as_the_training_images_were(modules, preprocess):
    strokes = np.zeros((8, 28, 28), np.float32)
    for image in strokes:
        row, column, width = RNG.integers(3, 12, size=3)
        image[row : row + 12, column : column + width] = RNG.random((12, width))
    images = strokes.reshape(8, 784)
    program = f"""import {{PREPROCESSES}} from './deskew.js';
        const result = images => images.map(image => PREPROCESSES.{preprocess}(Float32Array.from(image), 28));"""
    found = computed(modules, program, images.tolist())
    np.testing.assert_allclose(found, PREPROCESSES[preprocess](images), rtol=0, atol=1e-5)


def test_ink_is_centred_and_scaled_as_mlp_does_with_pictures(modules):
    program = """import {asMnist} from './square.js'; import {inked} from './strokes.js';
        const result = strokes => { const ink = inked(strokes); return [ink, asMnist(ink, 28)]; };"""
    strokes = [{"erase": False, "points": [[40, 30], [90, 35], [60, 100]]}]
    ink, seen = computed(modules, program, strokes)
    drawn = np.reshape(ink["values"], (ink["rows"], ink["columns"])).astype(np.float32)
    assert drawn.sum() > 0
    np.testing.assert_allclose(seen, as_mnist(drawn, 28).ravel(), rtol=0, atol=1 / 255)


def drawn(ink: tuple[int, ...], ground: tuple[int, ...]) -> np.ndarray:
    """A 7 as RGBA pixels, (280, 280, 4) uint8."""
    picture = Image.new("RGBA", (280, 280), ground)
    ImageDraw.Draw(picture).line([(80, 60), (200, 60), (120, 230)], fill=ink, width=24, joint="curve")
    return np.asarray(picture)


WHITE, BLACK, CLEAR = (255, 255, 255, 255), (0, 0, 0, 255), (0, 0, 0, 0)
NOISY = np.dstack([RNG.normal(220, 6, (280, 280, 1)).repeat(3, axis=2), np.full((280, 280), 255)]).astype(np.uint8)
PICTURES = {  # and whether they show a digit
    "black on white": (drawn(BLACK, WHITE), True),
    "white on black": (drawn(WHITE, BLACK), True),
    "white on transparency": (drawn(WHITE, CLEAR), True),
    "black on transparency": (drawn(BLACK, CLEAR), True),
    "half clear white on transparency": (drawn((255, 255, 255, 128), CLEAR), True),
    "grey on grey": (drawn((90, 90, 90, 255), (160, 160, 160, 255)), True),
    "blank paper": (drawn(WHITE, WHITE), False),
    "nothing but black": (drawn(BLACK, BLACK), False),
    "nothing but transparency": (drawn(CLEAR, CLEAR), False),
    "white on transparency that is white": (drawn(WHITE, (255, 255, 255, 0))[:20], False),
    "too faint": (drawn((248, 248, 248, 255), WHITE), False),
    "grain of the paper": (NOISY, False),
}


@pytest.mark.parametrize(("pixels", "legible"), PICTURES.values(), ids=PICTURES)
def test_a_picture_is_read_or_refused_by_the_page_as_by_mlp_predict(modules, tmp_path, pixels, legible):
    program = """import {asMnist} from './square.js'; import {inkOfPixels} from './photo.js';
        const result = ({pixels, rows, columns}) => {
          const ink = inkOfPixels(pixels, rows, columns);
          return ink && asMnist(ink, 28);
        };"""
    given = {"pixels": pixels.ravel().tolist(), "rows": pixels.shape[0], "columns": pixels.shape[1]}
    seen = computed(modules, program, given)
    Image.fromarray(pixels).save(tmp_path / "picture.png")
    if not legible:
        assert seen is None
        with pytest.raises(ValueError, match="allowed"):
            read_digit(tmp_path / "picture.png")
    else:
        expected = read_digit(tmp_path / "picture.png")
        assert np.corrcoef(seen, expected)[0, 1] > 0.97
