"""A drawing in any container gives the network the same pixels; any other file gives one line with the reason."""

import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from mlp.data.pictures import read_digit


def transparent_palette(picture: Image.Image, path) -> None:
    """Colour 0, a bright green, is clear."""
    ink = picture.point(lambda grey: grey < 125).convert("L").point(bool).convert("P")
    ink.putpalette([0, 255, 0, 50, 50, 50])
    ink.save(path, transparency=0)


def turned(picture: Image.Image, path) -> None:
    """Lying on its side; the EXIF orientation 6 says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.rotate(90).save(path, exif=exif)


def with_more_frames(picture: Image.Image, path) -> None:
    picture.save(path, save_all=True, append_images=[picture.rotate(90), picture.rotate(180)])


def deep(dtype, factor):
    return lambda picture, path: Image.fromarray((np.asarray(picture, float) * factor).astype(dtype)).save(path)


def converted(mode):
    return lambda picture, path: picture.convert(mode).save(path)


# Name of the file, how it is written, and the greatest mean difference of a pixel: some formats lose a little.
CONTAINERS = {
    "BMP": ("a.bmp", converted("L"), 0),
    "TIFF, RGB": ("a.tif", converted("RGB"), 0),
    "TIFF, CMYK": ("a.tif", converted("CMYK"), 0.01),
    "PNG, RGBA": ("a.png", converted("RGBA"), 0),
    "PNG, 16 bits": ("a.png", deep(np.uint16, 257), 0.001),
    "TIFF, 32 bits": ("a.tif", deep(np.int32, 200), 0.001),
    "TIFF, floats to 1": ("a.tif", deep(np.float32, 1 / 255), 0.001),
    "TIFF, floats to 65,535": ("a.tif", deep(np.float32, 257), 0.001),
    "TIFF, several pages": ("a.tif", with_more_frames, 0),
    "GIF, several frames": ("a.gif", with_more_frames, 0),
    "PNG, several frames": ("a.png", with_more_frames, 0),
    "JPEG": ("a.jpg", converted("L"), 0.01),
    "JPEG, CMYK": ("a.jpg", converted("CMYK"), 0.01),
    "JPEG, turned": ("a.jpg", turned, 0.01),
    "PNG, turned": ("a.png", turned, 0),
    "WebP": ("a.webp", converted("RGB"), 0.01),
    "PNG, transparent palette": ("a.png", transparent_palette, 0.02),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_drawing_gives_the_same_pixels_in_every_container(container, drawn, saved, tmp_path):
    name, write, difference = CONTAINERS[container]
    grey = drawn("5")
    expected = read_digit(saved(grey, "grey.png"))
    write(Image.fromarray(grey), tmp_path / name)
    assert np.abs(read_digit(tmp_path / name) - expected).mean() <= difference


def test_a_transparent_ground_is_white_paper_below_dark_ink_and_a_board_below_light_ink(drawn, saved):
    dark = 255 - drawn("5")
    for ink in (0, 255):
        clear = np.full((280, 280, 4), ink, np.uint8)
        clear[..., 3] = np.where(dark > 130, 255, 0)
        opaque = np.where(dark > 130, ink, 255 - ink).astype(np.uint8)
        np.testing.assert_array_equal(read_digit(saved(clear)), read_digit(saved(opaque)))


def test_pixels_that_are_not_numbers_are_refused(saved):
    pixels = np.full((50, 50), np.nan, np.float32)
    with pytest.raises(ValueError, match=r"has pixels that are NaN or infinite; allowed: finite numbers$"):
        read_digit(saved(pixels, "nan.tif"))


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(saved, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 99)
    for side in (10, 20):  # from twice the limit on, Pillow raises what it only warns of below
        with pytest.raises(ValueError, match=r"has too many pixels; allowed: up to 99$"):
            read_digit(saved(np.zeros((side, side), np.uint8)))


def encoded(form: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(900, dtype=np.uint8).reshape(30, 30)).save(file, form)
    return file.getvalue()


VALID = [encoded(form) for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WebP", "TGA", "PPM", "ICO", "SGI")]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A picture file with some bytes changed and its end cut off."""
    file = bytearray(draw(st.sampled_from(VALID)))
    for place, byte in draw(st.lists(st.tuples(st.integers(0, len(file) - 1), st.integers(0, 255)), max_size=8)):
        file[place] = byte
    return bytes(file[: draw(st.integers(0, len(file)))])


# The folder is the same for all examples, and each writes the file anew.
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | damaged())
def test_any_bytes_are_a_digit_or_one_line_with_the_reason(tmp_path, content):
    path = tmp_path / "any"
    path.write_bytes(content)
    refusal, image = "", np.zeros(784)
    try:
        image = read_digit(path)
    except ValueError as error:
        refusal = str(error)
    assert not refusal or (
        refusal.startswith(f"image: {path}: ") and refusal.count("; allowed: ") == 1 and refusal.isprintable()
    )
    assert image.shape == (784,)
    assert 0 <= image.min() <= image.max() <= 1


@pytest.mark.parametrize("name", ["missing.png", "line\nbreak.png", "\x1b[31mred.png"])
def test_a_file_that_does_not_exist_is_named_in_one_printable_line(tmp_path, name):
    with pytest.raises(ValueError, match="No such file or directory") as error:
        read_digit(tmp_path / name)
    assert str(error.value).isprintable()
