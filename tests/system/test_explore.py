"""The page in which a person draws: what it computes, what it shows, and that it needs nothing but itself.

The browser is headless Chromium (Debian's packages chromium and chromium-driver). Screenshots go to `screenshots/`.
"""

import json
import re
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader
from selenium import webdriver
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from flows.store.artifacts import load_snapshots, load_weights
from mlp.data.pictures.square import as_mnist
from mlp.data.preprocessing import PREPROCESSES
from mlp.data.sets import load
from mlp.measures.confidence import NOISES
from mlp.nn.network import Layer, Network, flatten
from tests.system.browser import chromium, show_at

pytestmark = [pytest.mark.system, pytest.mark.slow]

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
# Three shapes: the lesson's network, a wide one, a deep one.
EXPERIMENT = """
name: shapes
data: {name: digits}
networks:
  - {hidden: [16, 16], activation: sigmoid, cost: quadratic}
  - {hidden: [512], activation: relu, cost: cross_entropy}
  - {hidden: [12, 12, 12, 12], activation: tanh, cost: cross_entropy}
descent: {learning_rate: 0.3, batch_size: 10, epochs: 6}
corruption: {fractions: [0, 1]}
seeds: 0-1
"""


@pytest.fixture(scope="module")
def workplace(shared_workplace):
    """A folder with a finished sweep."""
    (shared_workplace.folder / "shapes.yaml").write_text(EXPERIMENT)
    done = shared_workplace.mlp("run", "shapes.yaml", timeout=600)
    assert done.returncode == 0, done.stderr
    return shared_workplace


@pytest.fixture(scope="module")
def page(workplace) -> Path:
    """The page that the sweep has logged."""
    (path,) = (workplace.folder / "mlruns" / "artifacts").rglob("explore.html")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[webdriver.Chrome]:
    with chromium(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture
def opened(browser, page) -> webdriver.Chrome:
    """The page, opened anew at 1280 pixels, with the lesson's network."""
    show_at(browser, 1280)
    visit(browser, page)
    choose(browser, "group", next(one["group"] for one in networks(browser) if one["sizes"] == [784, 16, 16, 10]))
    return browser


def visit(browser: webdriver.Chrome, page: Path) -> None:
    browser.get("about:blank")
    browser.get(page.as_uri())
    WebDriverWait(browser, 30).until(lambda b: b.execute_script("return document.documentElement.dataset.ready"))


def drawn(browser: webdriver.Chrome) -> None:
    """Wait until the page has drawn what was last asked of it."""
    browser.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))")


def look(browser: webdriver.Chrome, expression: str):
    """A part of what the page shows: answers, cost, image …"""
    drawn(browser)
    return browser.execute_script(f"const shown = window.shown; return {expression}")


def choose(browser: webdriver.Chrome, name: str, value: object) -> None:
    browser.execute_script(f"document.querySelector('input[name={name}][value=\"{value}\"]').click()")
    drawn(browser)


def networks(browser: webdriver.Chrome) -> list[dict]:
    return browser.execute_script("return window.page.data.networks")


class TestNumbers:
    """The page computes what `mlp` computes."""

    def computed(self, browser: webdriver.Chrome, index: int) -> dict:
        """Activations of each layer and costs by the page for all of its test images."""
        return browser.execute_async_script(
            """const [index, done] = arguments;
            Promise.all([import('network.js'), import('packed.js')]).then(async ([network, packed]) => {
              const {data, images} = window.page, one = data.networks[index];
              const parameters = (await packed.framesOf(one, `network-${index}`)).at(-1);
              const result = {layers: [], costs: []};
              images.forEach((image, i) => {
                const activations = network.forward(one, parameters, image);
                result.layers.push(activations.slice(1).map(layer => Array.from(layer)));
                result.costs.push(network.exampleCost(one, activations.at(-1), data.images.labels[i]));
              });
              done(result);
            });""",
            index,
        )

    def gradients(self, browser: webdriver.Chrome, index: int, first: int, count: int) -> np.ndarray:
        """Gradients by the page for some of its test images, a row for each."""
        encoded = browser.execute_async_script(
            """const [index, first, count, done] = arguments;
            Promise.all([import('network.js'), import('packed.js')]).then(async ([network, packed]) => {
              const {data, images} = window.page, one = data.networks[index];
              const parameters = (await packed.framesOf(one, `network-${index}`)).at(-1);
              const arrays = images.slice(first, first + count).flatMap((image, i) => {
                const activations = network.forward(one, parameters, image), label = data.images.labels[first + i];
                return network.gradientOf(one, parameters, activations, label)
                  .flatMap(({weights, biases}) => [weights, biases]);
              });
              const reader = new FileReader();  // millions of numbers are too many for JSON
              reader.onload = () => done(reader.result.split(',')[1]);
              reader.readAsDataURL(new Blob(arrays.map(array => Float32Array.from(array))));
            });""",
            index,
            first,
            count,
        )
        return np.frombuffer(b64decode(encoded), np.float32).reshape(count, -1)

    def test_activations_costs_and_gradients_of_200_images_are_those_of_the_network(self, opened, workplace):
        shown, client = opened.execute_script("return window.page.data.images"), workplace.client()
        data = load("digits")
        images = data.test_images[shown["numbers"]] / np.float32(255)
        labels = data.test_labels[shown["numbers"]]
        assert len(labels) >= 200
        assert labels.tolist() == shown["labels"]
        best = [(index, one) for index, one in enumerate(networks(opened)) if one["best"]]
        assert len(best) == 3 * 2
        for index, one in best:
            network = Network(tuple(one["sizes"]), one["activation"], one["cost"])
            parameters, found = load_weights(client, one["run_id"]), self.computed(opened, index)
            layers = network.forward(parameters, images)[1:]
            for depth, layer in enumerate(layers):
                np.testing.assert_allclose([of[depth] for of in found["layers"]], layer, rtol=0, atol=1e-5)
            costs = network.example_costs(parameters, images, labels)
            np.testing.assert_allclose(found["costs"], costs, rtol=0, atol=1e-5)
            answers = opened.execute_script("return window.page.data.images.answers")[one["group"]]
            assert answers == layers[-1].argmax(axis=1).tolist()
            # In float32 the rounding alone of a gradient that is almost zero would be larger than what is allowed.
            precise = [Layer(layer.weights.astype(float), layer.biases.astype(float)) for layer in parameters]
            # A gradient of the wide network has 1.6 MB, and the browser takes seconds to hand over more than a few.
            count = 4 if network.parameter_count > 100_000 else 50
            for first in range(0, 200, count):
                for place, gradient in enumerate(self.gradients(opened, index, first, count), first):
                    expected = flatten(network.gradient(precise, images[[place]].astype(float), labels[[place]]))
                    assert np.abs(gradient - expected).max() <= 1e-4 * np.abs(expected).max()

    def test_the_epoch_slider_answers_with_the_weights_that_were_kept(self, opened, workplace):
        shown = look(opened, "({index: shown.index, image: Array.from(shown.image)})")
        one = networks(opened)[shown["index"]]
        kept = load_snapshots(workplace.client(), one["run_id"])
        assert one["epochs"] == [*kept, 6] == [0, 1, 2, 3, 5, 6]
        network = Network(tuple(one["sizes"]), one["activation"], one["cost"])
        slider = opened.find_element(By.ID, "epoch")
        for epoch, parameters in reversed(kept.items()):
            slider.send_keys(Keys.ARROW_LEFT)
            found = look(opened, "({epoch: shown.epoch, answers: Array.from(shown.answers)})")
            expected = network.answers(
                [layer._replace(weights=layer.weights.astype(np.float32)) for layer in parameters],
                np.array([shown["image"]], np.float32),
            )
            assert found["epoch"] == epoch
            np.testing.assert_allclose(found["answers"], expected[0], rtol=0, atol=1e-5)
        assert "untrained" in opened.find_element(By.ID, "epoch-title").text

    def test_ten_steps_move_the_weights_against_the_gradient_and_lower_the_cost(self, opened, workplace):
        opened.execute_script("document.getElementById('gradient').scrollIntoView()")
        Select(opened.find_element(By.ID, "label")).select_by_value("8")
        before = look(opened, "({cost: shown.cost, index: shown.index, image: Array.from(shown.image)})")
        one = networks(opened)[before["index"]]
        network = Network(tuple(one["sizes"]), one["activation"], one["cost"])
        parameters, image = load_weights(workplace.client(), one["run_id"]), np.array([before["image"]], np.float32)
        for button in ("step", "again"):
            opened.find_element(By.ID, button).click()
            for _ in range(10):
                gradient = network.gradient(parameters, image, [8])
                parameters = [
                    layer._replace(weights=layer.weights - slope.weights, biases=layer.biases - slope.biases)
                    for layer, slope in zip(parameters, gradient, strict=True)
                ]
            after = look(opened, "shown.cost")
            assert after == pytest.approx(network.average_cost(parameters, image, [8]), abs=1e-4)
        assert after < before["cost"]
        opened.find_element(By.ID, "reset").click()
        assert look(opened, "shown.cost") == before["cost"]

    @pytest.mark.parametrize("preprocess", PREPROCESSES)
    def test_drawings_are_preprocessed_as_the_training_images_were(self, opened, preprocess):
        images = load("digits").test_images[:50] / np.float32(255)
        found = opened.execute_async_script(
            """const [preprocess, images, done] = arguments;
            import('deskew.js').then(({PREPROCESSES}) =>
              done(images.map(image => Array.from(PREPROCESSES[preprocess](Float32Array.from(image), 28)))));""",
            preprocess,
            images.tolist(),
        )
        np.testing.assert_allclose(found, PREPROCESSES[preprocess](images), rtol=0, atol=1e-5)

    def test_the_cost_is_written_out_as_squares_that_add_up(self, opened):
        terms = [float(cell.text) for cell in opened.find_elements(By.CSS_SELECTOR, "#cost-lines td:last-child")]
        assert len(terms) == 10
        assert sum(terms) == pytest.approx(float(opened.find_element(By.ID, "cost-total").text), abs=1e-3)

    def test_noise_has_the_kinds_and_the_range_of_the_sweeps(self, opened):
        choose(opened, "source", "noise")
        kinds = opened.execute_script("return [...document.querySelectorAll('input[name=kind]')].map(one => one.value)")
        assert sorted(kinds) == sorted(NOISES)
        for kind in kinds:
            choose(opened, "kind", kind)
            first = look(opened, "Array.from(shown.image)")
            assert 0 <= min(first) <= max(first) <= 1
            assert (len(set(first)) == 1) == (kind == "constant")
            opened.find_element(By.ID, "anew").click()
            assert kind == "constant" or look(opened, "Array.from(shown.image)") != first


class TestDrawing:
    def stroke(self, browser: webdriver.Chrome, *points: tuple[float, float]) -> None:
        """Press the mouse, and move it from point to point, in shares of the pad."""
        pad = browser.find_element(By.ID, "pad")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", pad)
        width, height = pad.size["width"], pad.size["height"]
        chain = ActionChains(browser, duration=20)
        for number, (x, y) in enumerate(points):
            chain.move_to_element_with_offset(pad, round((x - 0.5) * width), round((y - 0.5) * height))
            if number == 0:
                chain.click_and_hold()
        chain.release().perform()

    def ink(self, browser: webdriver.Chrome) -> np.ndarray:
        drawn(browser)
        ink = browser.execute_script("const ink = window.page.ink(); return {...ink, values: Array.from(ink.values)}")
        return np.array(ink["values"], np.float32).reshape(ink["rows"], ink["columns"])

    def test_a_stroke_changes_the_answer_and_what_the_network_sees_is_that_of_mlp_images(self, opened):
        answers = look(opened, "Array.from(shown.answers)")
        for points in (
            [(0.5, 0.2), (0.48, 0.5), (0.5, 0.8)],
            [(0.2, 0.25), (0.75, 0.25)],
            [(0.55, 0.6), (0.6, 0.62)],
        ):
            self.stroke(opened, *points)
            seen = look(opened, "Array.from(shown.image)")
            np.testing.assert_allclose(seen, as_mnist(self.ink(opened), 28).ravel(), rtol=0, atol=1 / 255)
            before, answers = answers, look(opened, "Array.from(shown.answers)")
            assert answers != before

    @pytest.mark.parametrize("size", [0.06, 0.2, 0.9])
    def test_small_and_large_drawings_get_strokes_of_mnists_width(self, opened, size):
        corner = 0.5 - size / 2
        self.stroke(
            opened, (corner, corner), (corner + size, corner), (corner, corner + size), (corner + size, corner + size)
        )
        seen = look(opened, "Array.from(shown.image)")
        np.testing.assert_allclose(seen, as_mnist(self.ink(opened), 28).ravel(), rtol=0, atol=1 / 255)

    def test_the_right_answer_follows_the_answer_until_a_reader_chooses_one_and_again_for_a_new_drawing(self, opened):
        def label() -> tuple[int, int, bool]:
            note = opened.find_element(By.ID, "label-follows")
            return *look(opened, "[shown.label, shown.best]"), note.is_displayed()

        seven = [(0.25, 0.25), (0.75, 0.25), (0.45, 0.8)]
        self.stroke(opened, *seven)
        right, answer, follows = label()
        assert (right, follows) == (answer, True)
        assert Select(opened.find_element(By.ID, "label")).first_selected_option.get_attribute("value") == str(right)
        other = (answer + 1) % 10
        Select(opened.find_element(By.ID, "label")).select_by_value(str(other))
        assert label() == (other, answer, False)
        self.stroke(opened, (0.3, 0.55), (0.7, 0.55))  # the same drawing goes on
        assert (label()[0], label()[2]) == (other, False)
        opened.find_element(By.ID, "clear").click()
        self.stroke(opened, *seven)
        assert label() == (answer, answer, True)
        choose(opened, "source", "test")
        assert not label()[2]
        choose(opened, "source", "noise")
        assert label()[2]

    def test_the_filter_shows_an_image_that_it_lets_through_and_from_a_misread_one_ten_steps_are_seen(self, opened):
        choose(opened, "source", "test")
        for name, wrong in (("wrong", True), ("right", False)):
            choose(opened, "filter", name)
            label, best = look(opened, "[shown.label, shown.best]")
            assert (label != best) == wrong
        opened.execute_script("document.getElementById('gradient').scrollIntoView()")
        opened.find_element(By.ID, "misread").click()
        before = look(opened, "({label: shown.label, best: shown.best, cost: shown.cost})")
        assert before["label"] != before["best"]
        opened.find_element(By.ID, "step").click()
        assert look(opened, "shown.cost") < before["cost"] - 0.01

    def test_without_centring_the_network_sees_the_drawing_where_it_is(self, opened):
        self.stroke(opened, (0.1, 0.1), (0.2, 0.1), (0.2, 0.3))
        opened.find_element(By.ID, "centre").click()
        seen = np.reshape(look(opened, "Array.from(shown.image)"), (28, 28))
        assert seen[:12, :9].sum() == pytest.approx(seen.sum())
        side = self.ink(opened).shape[0] // 28
        boxes = self.ink(opened).reshape(28, side, 28, side).mean(axis=(1, 3))
        np.testing.assert_allclose(seen, boxes, atol=1e-5)

    def test_undo_takes_back_the_last_stroke_the_eraser_takes_ink_away_and_clear_all_of_it(self, opened):
        self.stroke(opened, (0.3, 0.3), (0.7, 0.3))
        one = self.ink(opened)
        self.stroke(opened, (0.3, 0.7), (0.7, 0.7))
        opened.find_element(By.ID, "undo").click()
        np.testing.assert_array_equal(self.ink(opened), one)
        opened.find_element(By.ID, "eraser").click()
        self.stroke(opened, (0.5, 0.2), (0.5, 0.5))
        assert self.ink(opened).sum() < one.sum()
        opened.find_element(By.ID, "clear").click()
        assert self.ink(opened).sum() == 0
        assert look(opened, "shown.image.every(pixel => pixel === 0)")

    def test_the_keyboard_draws_too(self, opened):
        before = look(opened, "Array.from(shown.answers)")
        pad = opened.find_element(By.ID, "pad")
        pad.send_keys(Keys.SPACE, *[Keys.ARROW_DOWN] * 12, Keys.SPACE)
        ink = self.ink(opened)
        rows, columns = np.nonzero(ink > 0.5)
        assert np.ptp(rows) > 3 * np.ptp(columns) > 0
        assert look(opened, "Array.from(shown.answers)") != before

    def test_a_second_finger_or_a_palm_leaves_no_ink_and_a_pen_takes_over_from_a_palm(self, opened):
        send = """const [events] = arguments, pad = document.getElementById('pad'), box = pad.getBoundingClientRect();
            pad.setPointerCapture = () => {};  // which takes no pointers that a program has made up
            for (const [type, pointerId, pointerType, x, y] of events)
              pad.dispatchEvent(new PointerEvent(type, {pointerId, pointerType, button: type === 'pointerdown' ? 0 : -1,
                clientX: box.left + x * box.width, clientY: box.top + y * box.height}));"""

        def stroke(kind: str, number: int, *points: tuple[float, float]) -> list[list]:
            first, *others = ([number, kind, *point] for point in points)
            end = ["lostpointercapture", *(others or [first])[-1]]
            return [["pointerdown", *first], *(["pointermove", *each] for each in others), end]

        def inked(*events: list) -> np.ndarray:
            opened.find_element(By.ID, "clear").click()
            opened.execute_script(send, events)
            return self.ink(opened)

        one = stroke("touch", 1, (0.5, 0.2), (0.5, 0.5), (0.5, 0.8))
        palm = stroke("touch", 2, (0.8, 0.9), (0.85, 0.9))
        alone = inked(*one)
        assert alone.sum() > 0
        np.testing.assert_array_equal(inked(*one[:2], palm[0], one[2], palm[1], palm[2], *one[3:]), alone)
        pen = stroke("pen", 3, (0.5, 0.2), (0.5, 0.5), (0.5, 0.8))
        np.testing.assert_array_equal(inked(palm[0], *pen[:2], palm[1], *pen[2:], palm[2]), alone)
        np.testing.assert_array_equal(inked(*one, *palm), inked(*palm, *one))  # one after the other, both draw

    def test_the_answer_is_said_to_screen_readers_however_it_came_about_and_without_ink_there_is_none(self, opened):
        def said() -> str:
            return opened.find_element(By.ID, "answer").get_attribute("textContent")

        def answer(browser: webdriver.Chrome) -> bool:
            best, activation = look(browser, "[shown.best, shown.answers[shown.best]]")
            return said() == f"The network answers {best}, activation {activation:.2f}."

        opened.find_element(By.ID, "clear").click()
        WebDriverWait(opened, 10).until(lambda b: said().startswith("There is no ink"))
        assert opened.find_element(By.ID, "no-ink").is_displayed()
        digits = opened.find_elements(By.CSS_SELECTOR, ".other .digit")
        assert {digit.text for digit in digits} == {"–"}
        assert opened.find_elements(By.CSS_SELECTOR, ".answer.best") == []
        opened.find_element(By.ID, "pad").send_keys(Keys.SPACE, *[Keys.ARROW_DOWN] * 12, Keys.SPACE)
        WebDriverWait(opened, 10).until(answer)
        assert not opened.find_element(By.ID, "no-ink").is_displayed()
        self.stroke(opened, (0.25, 0.25), (0.75, 0.25), (0.45, 0.8))
        WebDriverWait(opened, 10).until(answer)

    def test_a_picture_without_ink_is_refused_and_a_white_digit_on_transparency_is_read(self, opened, tmp_path):
        from PIL import Image, ImageDraw

        blank, seven = Image.new("RGB", (100, 100), "white"), Image.new("RGBA", (100, 100))
        ImageDraw.Draw(seven).line([(30, 20), (70, 20), (45, 80)], fill="white", width=9)
        blank.save(tmp_path / "blank.png")
        seven.save(tmp_path / "seven.png")
        choose(opened, "source", "file")
        problem = opened.find_element(By.ID, "file-problem")
        for name, reason in (("blank", "The picture shows nothing"), ("seven", "")):
            opened.find_element(By.ID, "file").send_keys(str(tmp_path / f"{name}.png"))
            WebDriverWait(opened, 10).until(lambda b, empty=bool(reason): look(b, "shown.empty") == empty)
            WebDriverWait(opened, 10).until(lambda b, reason=reason: problem.text.startswith(reason))
        assert problem.text == ""

    def test_a_picture_from_disk_is_read_as_mlp_predict_would(self, opened, tmp_path):
        from PIL import Image

        picture = tmp_path / "one.png"
        paper = np.full((200, 150), 235, np.uint8)
        paper[30:170, 70:85] = 20
        Image.fromarray(paper).save(picture)
        choose(opened, "source", "file")
        opened.find_element(By.ID, "file").send_keys(str(picture))
        WebDriverWait(opened, 10).until(lambda b: b.execute_script("return Math.max(...window.shown.image) > 0"))
        seen = np.reshape(look(opened, "Array.from(shown.image)"), (28, 28))
        rows, columns = np.nonzero(seen > 0.5)
        assert (rows.min(), rows.max()) == (4, 23)
        assert np.ptp(columns) <= 3


class TestPage:
    def test_it_has_loaded_when_every_network_has_answered_so_that_it_can_be_printed_at_once(self, browser, page):
        show_at(browser, 1280)
        browser.get("about:blank")
        browser.get(page.as_uri())  # returns once the page has loaded
        assert browser.execute_script("return window.shown.others.every(Boolean)")
        texts = [pdf.extract_text() for pdf in PdfReader(BytesIO(b64decode(browser.print_page()))).pages]
        printed = "\n".join(texts)
        for heading in (
            "Several networks, one drawing",
            "Inside a neuron",
            "Which way is down",
            "Between two networks",
        ):
            assert heading in printed
        assert len(re.findall(r"activation \d\.\d\d", printed)) >= 6

    def test_nothing_is_requested_from_anywhere_and_nothing_could_be(self, browser, page):
        show_at(browser, 1280)
        browser.get_log("performance")
        visit(browser, page)
        messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        requested = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        assert page.as_uri() in requested
        assert {url.partition(":")[0] for url in requested if url not in (page.as_uri(), "about:blank")} <= {
            "data",
            "blob",
        }
        blocked = browser.execute_async_script(
            """const done = arguments[0], seen = [];
            document.addEventListener('securitypolicyviolation', event => {
              seen.push(event.effectiveDirective);
              if (seen.length === 2) done(seen);
            });
            fetch('http://127.0.0.1:9/').catch(() => {});
            new Image().src = 'http://127.0.0.1:9/pixel.png';"""
        )
        assert sorted(blocked) == ["connect-src", "img-src"]

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("width", [390, 1280, 1600])
    def test_it_displays_without_errors_at_every_width_for_every_shape(self, browser, page, width, scheme):
        browser.get_log("browser")
        show_at(browser, width, scheme=scheme)
        visit(browser, page)
        for group in range(3):
            choose(browser, "group", group)
            assert browser.execute_script("return document.documentElement.scrollWidth") == width
            height = browser.execute_script("return document.documentElement.scrollHeight")
            show_at(browser, width, height, scheme)
            drawn(browser)
            time.sleep(0.3)
            SCREENSHOTS.mkdir(exist_ok=True)
            assert browser.save_screenshot(str(SCREENSHOTS / f"explore-{width}-{scheme}-{group}.png"))
            show_at(browser, width, scheme=scheme)
        assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []

    def test_every_group_answers_the_same_image_side_by_side(self, opened):
        choose(opened, "source", "test")
        cards = opened.find_elements(By.CSS_SELECTOR, ".other")
        assert len(cards) == 6
        answers = look(opened, "shown.others.map(other => Array.from(other.answers))")
        assert len({tuple(answer) for answer in answers}) == 6
        place = opened.execute_script("return window.shown.group")
        seeds = Select(cards[place].find_element(By.TAG_NAME, "select"))
        assert {option.text.partition(",")[0] for option in seeds.options} == {"Seed 0", "Seed 1"}
        assert seeds.options[0].text.endswith(", best")
        seeds.select_by_index(1)
        # The other seed's weights are unpacked first, which takes longer than a frame on a busy machine.
        of_place = f"Array.from(shown.others[{place}].answers)"
        WebDriverWait(opened, 30).until(lambda browser: look(browser, of_place) != answers[place])
        changed = look(opened, "shown.others.map(other => Array.from(other.answers))")
        assert [new != old for new, old in zip(changed, answers, strict=True)] == [
            number == place for number in range(6)
        ]

    def test_pointing_at_a_neuron_shows_its_sum_term_by_term(self, opened):
        neuron = opened.find_elements(By.CSS_SELECTOR, "[aria-label^='Layer 2'] .neuron")[4]
        ActionChains(opened).move_to_element(neuron).perform()
        found = look(
            opened, "({...shown.neuron, activation: shown.activations[2][4], below: Array.from(shown.activations[1])})"
        )
        assert (found["layer"], found["place"]) == (2, 4)
        assert opened.find_element(By.ID, "neuron-name").text == "Layer 2, neuron 5"
        numbers = [float(one.text.replace("−", "-")) for one in opened.find_elements(By.CSS_SELECTOR, "#neuron-sum b")]
        total, bias, weighted_sum, activation = numbers
        assert total + bias == pytest.approx(weighted_sum, abs=0.02)
        assert activation == pytest.approx(1 / (1 + np.exp(-weighted_sum)), abs=0.01)
        terms = opened.find_elements(By.CSS_SELECTOR, "#neuron-terms .number")
        assert sum(float(term.text.replace("−", "-")) for term in terms) == pytest.approx(total, abs=0.1)

    def test_the_keyboard_reaches_every_control_in_the_order_of_the_page(self, opened):
        stops = """return [...document.querySelectorAll('a[href], button, input, select, [tabindex="0"]')].filter(one =>
            one.tabIndex >= 0 && !one.disabled && one.checkVisibility() && !(one.type === 'radio' && !one.checked))
            .map(one => one.id || one.name || one.textContent)"""
        opened.execute_script("document.getElementById('gradient').scrollIntoView()")  # its controls are set then
        drawn(opened)
        opened.execute_script("scrollTo(0, 0); document.activeElement.blur()")
        expected, reached = opened.execute_script(stops), []
        for _ in expected:
            ActionChains(opened).send_keys(Keys.TAB).perform()
            focused = "const one = document.activeElement; return one.id || one.name || one.textContent"
            reached.append(opened.execute_script(focused))
        assert reached == expected
        order = (
            "group",
            "seed",
            "source",
            "pad",
            "pen",
            "centre",
            "play",
            "epoch",
            "label",
            "step-rate",
            "step",
            "one-start",
        )
        assert [name for name in reached if name in order] == list(order)

    def test_arrow_keys_move_from_neuron_to_neuron(self, opened):
        opened.find_element(By.CSS_SELECTOR, ".neuron").send_keys(Keys.ARROW_DOWN)
        assert look(opened, "shown.neuron") == {"layer": 1, "place": 1}
        opened.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
        assert look(opened, "shown.neuron") == {"layer": 2, "place": 1}
        label = opened.switch_to.active_element.get_attribute("aria-label")
        assert label.startswith("neuron 2, activation 0.") or label.startswith("neuron 2, activation 1.")

    def test_in_a_large_layer_arrow_keys_go_through_its_columns(self, opened):
        choose(opened, "group", next(one["group"] for one in networks(opened) if one["sizes"] == [784, 512, 10]))
        opened.find_element(By.CSS_SELECTOR, ".wide .neuron").send_keys(Keys.ARROW_RIGHT)
        assert look(opened, "shown.neuron") == {"layer": 1, "place": 16}
        opened.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
        assert look(opened, "shown.neuron") == {"layer": 1, "place": 17}

    def test_the_ball_finds_both_valleys_overshoots_and_diverges(self, opened):
        def fate(start: float, rate: float) -> str:
            opened.execute_script(
                """for (const [id, value] of [['one-start', arguments[0]], ['one-rate', arguments[1]]]) {
                  document.getElementById(id).value = value;
                  document.getElementById(id).dispatchEvent(new Event('input'));
                }""",
                start,
                rate,
            )
            return opened.find_element(By.ID, "one-fate").text

        assert "shallower valley, at w = 1.33" in fate(1.9, 0.1)
        assert "deeper valley, at w = −1.48" in fate(-2, 0.1)
        assert "still on its way" in fate(1.9, 0.01)
        assert "overshoots" in fate(1.9, 0.55)
        assert "diverges" in fate(2.2, 0.8)

    def test_the_line_between_two_seeds_begins_and_ends_with_their_costs(self, opened, workplace):
        data = load("digits")
        line = opened.execute_script("return window.page.data.lines")[0]
        of_seed = {one["seed"]: one for one in networks(opened) if one["group"] == line["group"]}
        inputs, labels = data.test_images / np.float32(255), data.test_labels
        count = opened.execute_script("return window.page.data.line_images")
        for seed, cost in zip(line["seeds"], (line["costs"][0], line["costs"][-1]), strict=True):
            one = of_seed[seed]
            network = Network(tuple(one["sizes"]), one["activation"], one["cost"])
            expected = network.average_cost(
                load_weights(workplace.client(), one["run_id"]), inputs[:count], labels[:count]
            )
            assert cost == pytest.approx(expected, abs=1e-4)

    def test_a_browser_without_decompression_says_so(self, browser, page):
        source = {"source": "delete window.DecompressionStream"}
        old = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
        try:
            browser.get(page.as_uri())
            WebDriverWait(browser, 10).until(lambda b: b.find_element(By.ID, "too-old").is_displayed())
        finally:
            browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", old)

    def test_the_report_leads_to_it(self, browser, page):
        browser.get((page.parent / "report.html").as_uri())
        link = browser.find_element(By.PARTIAL_LINK_TEXT, "Draw a digit")
        assert link.get_attribute("href") == page.as_uri()


@pytest.fixture(scope="module")
def axe(tmp_path_factory) -> str:
    """The source of axe-core, which checks pages for what keeps people with disabilities out."""
    if not shutil.which("npm"):
        pytest.skip("no axe-core: npm is not installed")
    folder = tmp_path_factory.mktemp("axe")
    command = [
        "npm",
        "install",
        "--silent",
        "--no-audit",
        "--no-fund",
        "--prefix",
        str(folder),
        "--cache",
        str(folder / "cache"),
        "axe-core@4",
    ]
    if subprocess.run(command, capture_output=True, timeout=120).returncode:
        pytest.skip("no axe-core: npm could not fetch it")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_core_finds_no_barrier(browser, page, axe, width, scheme):
    show_at(browser, width, scheme=scheme)
    visit(browser, page)
    browser.execute_script("document.getElementById('gradient').scrollIntoView()")
    drawn(browser)
    browser.execute_script(axe)
    found = []
    for source in ("draw", "test", "noise", "file"):
        choose(browser, "source", source)
        result = browser.execute_async_script("const done = arguments[0]; axe.run().then(done)")
        found += [
            (source, rule["id"], node["target"], node["failureSummary"])
            for rule in result["violations"]
            for node in rule["nodes"]
        ]
    assert found == []
