"""Read drawings of MNIST's test digits, made as people make them, and count what is right, refused and wrong.

A network is trained on MNIST. The first test digits are drawn on paper in many ways, saved as files, read by
`mlp.data.pictures.read_digit`, and shown to the network. Below stand pictures that hold no single digit, which are to
be refused.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.figure import Figure
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, rotate
from skimage.morphology import dilation, disk, skeletonize

from mlp import MLPClassifier, load
from mlp.data.pictures import read_digit
from mlp.figures.style import image_grid

SIZE = 280
PAPER, INK = 200, 50  # grey from 0 to 255


def enlarged(image: NDArray, size: int = SIZE) -> NDArray:
    """An image (784,) uint8 as the share of ink on each pixel of a smooth drawing (size, size)."""
    drawing = Image.fromarray(image.reshape(28, 28)).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(drawing, float) / 255


def inked(share: NDArray, paper: float = PAPER, ink: float = INK) -> NDArray:
    return paper + (ink - paper) * share


def noisy(picture: NDArray, rng: Generator, deviation: float = 2) -> NDArray:
    return np.rint(picture + rng.normal(0, deviation, picture.shape)).clip(0, 255).astype(np.uint8)


def across(picture: NDArray) -> tuple[NDArray, NDArray]:
    """Rows (rows, 1) and columns (1, columns) from 0 to 1."""
    rows, columns = picture.shape
    return np.linspace(0, 1, rows)[:, None], np.linspace(0, 1, columns)


def shaded(picture: NDArray, share: float) -> NDArray:
    return picture * (1 - share * across(picture)[1])


def vignetted(picture: NDArray) -> NDArray:
    y, x = across(picture)
    return picture * (1 - 0.8 * ((x - 0.5) ** 2 + (y - 0.5) ** 2))  # 40 % in the corners


def framed(picture: NDArray, rng: Generator) -> NDArray:
    top, bottom, left, right = rng.integers(4, 17, 4)
    framed = np.full(picture.shape, 20.0)
    framed[top:-bottom, left:-right] = picture[top:-bottom, left:-right]
    return framed


def ruled(picture: NDArray, rng: Generator, spacing: int = 32, squared: bool = False) -> NDArray:
    paper = Image.new("L", picture.shape[::-1], 255)
    pen, (width, height) = ImageDraw.Draw(paper), paper.size
    rise = width * np.tan(np.deg2rad(rng.uniform(-2, 2)))
    for y in range(int(rng.integers(spacing)), height, spacing):
        pen.line([(0, y - rise / 2), (width, y + rise / 2)], fill=120, width=2)
    for x in range(int(rng.integers(spacing)), width if squared else 0, spacing):
        pen.line([(x + rise / 2, 0), (x - rise / 2, height)], fill=120, width=2)
    return np.minimum(picture, np.asarray(paper))


def specked(picture: NDArray, rng: Generator) -> NDArray:
    paper = Image.fromarray(picture.astype(np.uint8))
    pen = ImageDraw.Draw(paper)
    for _ in range(6):
        radius, (x, y) = rng.integers(2, 7), rng.integers(5, 30, 2)
        x, y = rng.choice([x, SIZE - x]), rng.choice([y, SIZE - y])
        pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=30)
    return np.asarray(paper, float)


def pencilled(image: NDArray) -> NDArray:
    line = dilation(skeletonize(enlarged(image) > 0.5), disk(1))
    return inked(gaussian_filter(line.astype(float), 0.7), ink=130)


def on_a_table(image: NDArray, rng: Generator) -> NDArray:
    sheet = np.pad(inked(enlarged(image)), 20, constant_values=PAPER)
    return rotate(np.pad(sheet, 90, constant_values=90), rng.uniform(-20, 20), order=1, cval=90)


def photographed(image: NDArray, rng: Generator) -> NDArray:
    share = np.pad(enlarged(image, 400), ((200, 300), (250, 350)))
    return shaded(vignetted(ruled(inked(share, ink=70), rng, spacing=70)), 0.3)


# A picture as (rows, columns) uint8 of an image (784,) uint8.
KINDS: dict[str, Callable[[NDArray, Generator], NDArray]] = {
    "black on white": lambda image, rng: noisy(inked(enlarged(image), 255, 0), rng, 0),
    "grey paper, ink 50": lambda image, rng: noisy(inked(enlarged(image)), rng, 0),
    "noise of 3 levels": lambda image, rng: noisy(inked(enlarged(image)), rng, 3),
    "noise of 6 levels": lambda image, rng: noisy(inked(enlarged(image)), rng, 6),
    "shading of 10 %": lambda image, rng: noisy(shaded(inked(enlarged(image)), 0.1), rng),
    "shading of 20 %": lambda image, rng: noisy(shaded(inked(enlarged(image)), 0.2), rng),
    "vignette of 40 %": lambda image, rng: noisy(vignetted(inked(enlarged(image))), rng),
    "dark frame": lambda image, rng: noisy(framed(inked(enlarged(image)), rng), rng),
    "ruled paper": lambda image, rng: noisy(ruled(inked(enlarged(image)), rng), rng),
    "squared paper": lambda image, rng: noisy(ruled(inked(enlarged(image)), rng, squared=True), rng),
    "specks in corners": lambda image, rng: noisy(specked(inked(enlarged(image)), rng), rng),
    "thin pencil": lambda image, rng: noisy(pencilled(image), rng, 3),
    "thick pen": lambda image, rng: noisy(inked(np.pad(dilation(enlarged(image), disk(8)), 20)), rng, 3),
    "light on dark": lambda image, rng: noisy(inked(enlarged(image), INK, PAPER), rng, 6),
    "28 x 28, dark on light": lambda image, rng: 255 - image.reshape(28, 28),
    "28 x 28, as in MNIST": lambda image, rng: image.reshape(28, 28),
    "sheet on a table": lambda image, rng: noisy(on_a_table(image, rng), rng, 4),
    "photograph": lambda image, rng: noisy(photographed(image, rng), rng, 6),
}


def save(path: Path, picture: Image.Image, **options: object) -> Path:
    picture.save(path, **options)
    return path


def transparent_palette(picture: NDArray, folder: Path) -> Path:
    ink = Image.fromarray((picture < (PAPER + INK) / 2).astype(np.uint8), "P")
    ink.putpalette([0, 255, 0, 0, 0, 0])
    return save(folder / "palette.png", ink, transparency=0)


def turned(picture: NDArray, folder: Path) -> Path:
    """Lying on its side, with the note in its EXIF that it is to be turned by 90 degrees."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return save(folder / "turned.jpg", Image.fromarray(np.rot90(picture)), exif=exif)


def frames(name: str) -> Callable[[NDArray, Path], Path]:
    def save_frames(picture: NDArray, folder: Path) -> Path:
        others = [Image.fromarray(other) for other in (255 - picture, np.rot90(picture))]
        return save(folder / name, Image.fromarray(picture), save_all=True, append_images=others)

    return save_frames


def mode(mode: str, name: str, **options: object) -> Callable[[NDArray, Path], Path]:
    def save_converted(picture: NDArray, folder: Path) -> Path:
        return save(folder / name, Image.fromarray(picture).convert(mode, dither=Image.Dither.NONE), **options)

    return save_converted


def scaled(dtype: type, factor: float, name: str) -> Callable[[NDArray, Path], Path]:
    return lambda picture, folder: save(folder / name, Image.fromarray((picture.astype(float) * factor).astype(dtype)))


# A file that holds a picture (rows, columns) uint8.
CONTAINERS: dict[str, Callable[[NDArray, Path], Path]] = {
    "PNG": mode("L", "grey.png"),
    "PNG, 16 bits": scaled(np.uint16, 257, "deep.png"),
    "PNG, transparent palette": transparent_palette,
    "PNG, RGBA": mode("RGBA", "clear.png"),
    "JPEG": mode("L", "small.jpg", quality=40),
    "JPEG, EXIF orientation": turned,
    "JPEG, CMYK": mode("CMYK", "print.jpg"),
    "TIFF, CMYK": mode("CMYK", "print.tif"),
    "TIFF, RGB": mode("RGB", "colour.tif"),
    "TIFF, floats to 1": scaled(np.float32, 1 / 255, "one.tif"),
    "TIFF, floats to 65,535": scaled(np.float32, 257, "float.tif"),
    "TIFF, several pages": frames("pages.tif"),
    "GIF, several frames": frames("frames.gif"),
    "WebP": mode("RGB", "web.webp"),
    "BMP, 1 bit": mode("1", "bits.bmp"),
}


def beside(image: NDArray, other: NDArray) -> NDArray:
    """Two digits, neither of which touches the edge."""
    return inked(np.pad(np.hstack([enlarged(image), enlarged(other)]), 20))


def written(rng: Generator, lines: int, size: int) -> NDArray:
    """Lines of letters."""
    letters = rng.choice(list("abcdefghijklmnopqrstuvwxyz    "), (lines, 400 // size))
    paper = Image.new("L", (SIZE, SIZE), PAPER)
    text, font = "\n".join(map("".join, letters)), ImageFont.load_default(size)
    ImageDraw.Draw(paper).text((SIZE / 2, SIZE / 2), text, INK, font, anchor="mm")
    return noisy(np.asarray(paper, float), rng)


def clouds(rng: Generator, power: float) -> NDArray:
    """Noise whose amplitude falls with a power of the frequency; in photographs the power is about 1.

    Field, Relations between the statistics of natural images and the response properties of cortical cells, Journal
    of the Optical Society of America A 4, 1987.
    """
    frequency = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE))
    frequency[0, 0] = 1
    noise = np.fft.irfft2(np.exp(2j * np.pi * rng.random(frequency.shape)) / frequency**power, s=(SIZE, SIZE))
    return np.uint8(255 * (noise - noise.min()) / np.ptp(noise))


BLANK = np.zeros(784, np.uint8)
# Pictures without a single digit, of two images.
NO_DIGIT: dict[str, Callable[[NDArray, NDArray, Generator], NDArray]] = {
    "blank": lambda image, other, rng: KINDS["noise of 6 levels"](BLANK, rng),
    "blank, ruled, shaded": lambda image, other, rng: KINDS["photograph"](BLANK, rng),
    "blank, dark frame": lambda image, other, rng: KINDS["dark frame"](BLANK, rng),
    "all black": lambda image, other, rng: np.zeros((SIZE, SIZE), np.uint8),
    "all black, 28 x 28": lambda image, other, rng: np.zeros((28, 28), np.uint8),
    "two digits": lambda image, other, rng: noisy(beside(image, other), rng),
    "four digits": lambda image, other, rng: noisy(np.vstack([beside(image, other), beside(other, image)]), rng),
    "a dot": lambda image, other, rng: noisy(inked(np.pad(disk(4).astype(float), 136)), rng),
    "a blot": lambda image, other, rng: noisy(inked(np.pad(disk(70).astype(float), 70)), rng),
    "a page of text": lambda image, other, rng: written(rng, 8, 24),
    "a line of text": lambda image, other, rng: written(rng, 1, 40),
    "clouds, 1/f": lambda image, other, rng: clouds(rng, 1),
    "clouds, 1/f^1.5": lambda image, other, rng: clouds(rng, 1.5),
    "clouds, 1/f^2": lambda image, other, rng: clouds(rng, 2),
    "uniform noise": lambda image, other, rng: rng.integers(0, 256, (SIZE, SIZE), dtype=np.uint8),
}


SHOWN = ("noise of 6 levels", "vignette of 40 %", "dark frame", "ruled paper", "squared paper", "specks in corners",
         "thin pencil", "sheet on a table", "photograph")  # fmt: skip


def picture(images: NDArray, folder: Path) -> Figure:
    """Drawings above what `read_digit` makes of them."""
    figure, (above, below) = image_grid(2, len(SHOWN), size=1.35)
    rng = np.random.default_rng(0)
    for drawn, seen, name, image in zip(above, below, SHOWN, images[: len(SHOWN)], strict=True):
        drawing = KINDS[name](image, rng)
        drawn.imshow(drawing, cmap="gray", vmin=0, vmax=255)
        drawn.set_title(name, fontsize="small")
        square = read_digit(save(folder / "drawing.png", Image.fromarray(drawing)))
        seen.imshow(square.reshape(28, 28), cmap="gray", vmin=0, vmax=1)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits", type=int, default=60, help="the first so many test digits")
    parser.add_argument("--picture", type=Path, help="draw a few into this file, and count nothing")
    arguments = parser.parse_args()
    count = arguments.digits

    data = load("mnist")
    if arguments.picture:
        with TemporaryDirectory() as temporary:
            picture(data.test_images, Path(temporary)).savefig(arguments.picture)
        return
    network = MLPClassifier(hidden_sizes=(128,), epochs=10, random_state=0).fit(data.train_images, data.train_labels)
    images, labels = data.test_images[:count], data.test_labels[:count]
    accuracy = network.score(data.test_images, data.test_labels)
    known = (network.predict(images) == labels).sum()
    print(f"784-128-10, {accuracy:.2%} of the test images right; of the first {count} as they are, {known}\n")

    def row(name: str, files: list[Path]) -> None:
        right = refused = 0
        for file, label in zip(files, labels, strict=True):
            try:
                right += int(network.predict(read_digit(file)[None])[0] == label)
            except ValueError:
                refused += 1
        print(f"{name:28}{right:7}{refused:9}{count - right - refused:7}")

    def section(title: str) -> None:
        print(f"{title:28}{'right':>7}{'refused':>9}{'wrong':>7}")

    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        section("picture")
        for name, draw in KINDS.items():
            rng = np.random.default_rng(0)
            pictures = [Image.fromarray(draw(image, rng)) for image in images]
            row(name, [save(folder / f"{number}.png", picture) for number, picture in enumerate(pictures)])
        print()
        section("file")
        for name, write in CONTAINERS.items():
            files = []
            for number, image in enumerate(images):
                (folder / str(number)).mkdir(exist_ok=True)
                files.append(write(KINDS["grey paper, ink 50"](image, rng), folder / str(number)))
            row(name, files)
        print(f"\n{'no single digit':28}{'':7}{'refused':>9}{'read':>7}")
        for name, blank in NO_DIGIT.items():
            rng, refused = np.random.default_rng(0), 0
            for image, other in zip(images, data.test_images[count : 2 * count], strict=True):
                try:
                    read_digit(save(folder / "no.png", Image.fromarray(blank(image, other, rng))))
                except ValueError:
                    refused += 1
            print(f"{name:28}{'':7}{refused:9}{count - refused:7}")


if __name__ == "__main__":
    main()
