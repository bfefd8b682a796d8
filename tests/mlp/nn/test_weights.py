"""A weights file is read back as it was written; a damaged one is a ValueError that names it, whatever the damage."""

import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp.nn.network import Layer, Network
from mlp.nn.weights import read_weights, write_weights

PARAMETERS = Network((16, 5, 3)).initialize(np.random.default_rng(0))
RATHER_LARGE = 10**15


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("weights") / "weights.npz"


@pytest.fixture(scope="module")
def whole(file):
    write_weights(file, PARAMETERS)
    return file.read_bytes()


def test_what_was_written_is_read(file, whole):
    file.write_bytes(whole)
    for layer, expected in zip(read_weights(file), PARAMETERS, strict=True):
        np.testing.assert_array_equal(layer.weights, expected.weights)
        np.testing.assert_array_equal(layer.biases, expected.biases)


def test_a_file_that_is_not_there_is_no_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_weights(tmp_path / "weights.npz")


def refused(file, content: bytes) -> None:
    """Check that a content is refused with the name of the file."""
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"^weights: .*weights\.npz (is damaged|holds no network)"):
        read_weights(file)


@settings(max_examples=300)
@given(
    content=st.binary(max_size=400), start=st.sampled_from([b"", b"PK\x03\x04", b"PK\x05\x06", b"\x93NUMPY\x01\x00"])
)
def test_random_bytes_are_refused(file, content, start):
    refused(file, start + content)


@given(share=st.floats(0, 0.999))
def test_a_file_that_was_cut_off_is_refused(file, whole, share):
    refused(file, whole[: int(share * len(whole))])


@settings(max_examples=500)
@given(place=st.integers(0, 2000), bits=st.integers(1, 255), data=st.data())
def test_one_wrong_byte_is_refused_or_changes_nothing(file, whole, place, bits, data):
    content = bytearray(whole)
    content[place % len(whole)] ^= bits
    file.write_bytes(content)
    try:
        read = read_weights(file)
    except ValueError:
        return
    # A byte without a meaning, such as of a date.
    for layer, expected in zip(read, PARAMETERS, strict=False):
        np.testing.assert_array_equal(layer.weights, expected.weights)
        np.testing.assert_array_equal(layer.biases, expected.biases)


def archive(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as written:
        for name, member in members.items():
            written.writestr(f"{name}.npy", member)
    return content.getvalue()


def header(shape: tuple[int, ...]) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(PARAMETERS),
        archive(),
        archive(W0=b"text", b0=b"text"),
        archive(W0=header((RATHER_LARGE, RATHER_LARGE)), b0=header((3,))),
    ],
    ids=["a pickle", "an empty archive", "an archive of texts", "an array larger than any memory"],
)
def test_other_contents_are_refused(file, content):
    refused(file, content)


@pytest.mark.parametrize(
    "parameters",
    [
        [Layer(np.zeros(3), np.zeros(3))],
        [Layer(np.zeros((4, 3)), np.zeros(2))],
        [Layer(np.zeros((4, 3)), np.zeros(3)), Layer(np.zeros((4, 3)), np.zeros(3))],
    ],
    ids=["a vector of weights", "biases of another layer", "layers that do not fit"],
)
def test_arrays_that_are_no_network_are_refused(file, parameters):
    write_weights(file, parameters)
    refused(file, file.read_bytes())
