"""The array cache is used when it is intact, and every failure of it costs only time."""

import errno
import gzip
import shutil
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
from sklearn.datasets import get_data_home

import mlp.data.openml
from mlp.data.sets import CacheWarning, DataFallback, DataUnavailable, is_cached, load


def is_mapped(array):
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


def test_a_second_load_parses_nothing_and_maps_the_arrays_read_only(openml, tmp_path, monkeypatch):
    parsed, fetch_table = [], mlp.data.openml.fetch_table
    monkeypatch.setattr(
        mlp.data.openml, "fetch_table", lambda name, home: parsed.append(name) or fetch_table(name, home)
    )
    first = load("mnist")
    openml.online, openml.requests = False, 0
    second = load("mnist")
    assert parsed == ["mnist_784"]
    assert openml.requests == 0
    np.testing.assert_array_equal(first.train_images, second.train_images)
    assert first.digest == second.digest
    assert not first.train_images.flags.writeable
    assert not second.train_images.flags.writeable
    assert is_mapped(second.train_images)


def test_a_data_set_is_cached_once_it_was_loaded(openml, tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    assert not is_cached("mnist")
    load("mnist")
    assert is_cached("mnist")
    assert is_cached("mnist_784")
    assert not is_cached("fashion")


def test_a_load_from_the_cache_does_not_import_scikit_learn(openml, tmp_path):
    load("mnist")
    code = (
        "import sys, mlp.data.sets\n"
        "mlp.data.sets.TRAIN, mlp.data.sets.ROWS = 60, 70\n"
        "mlp.data.sets.load('mnist')\n"
        "print('sklearn' in sys.modules)"
    )
    loading = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loading.stdout == "False\n"


@pytest.mark.parametrize("damage", ["pixel", "digest", "cut", "empty"])
def test_a_damaged_file_is_detected_and_fetched_again(openml, tmp_path, damage):
    whole = load("mnist")
    (file,) = (tmp_path / "mlp").iterdir()
    content = bytearray(file.read_bytes())
    content[{"pixel": 5000, "digest": 3}.get(damage, 0)] ^= 1
    file.write_bytes(content[: {"cut": 4000, "empty": 0}.get(damage, len(content))])
    with pytest.warns(CacheWarning, match=r"damaged .*fetching again"):
        again = load("mnist")
    np.testing.assert_array_equal(again.train_images, whole.train_images)
    assert again.digest == whole.digest
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load("mnist")


def test_a_damaged_file_that_can_not_be_fetched_again_is_an_error(openml, tmp_path):
    load("mnist")
    (file,) = (tmp_path / "mlp").iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    for downloaded in (tmp_path / "openml").rglob("*.gz"):
        downloaded.unlink()
    openml.online = False
    with pytest.warns(CacheWarning), pytest.raises(DataUnavailable):
        load("mnist")


@pytest.mark.parametrize("content", [b"not gzip", gzip.compress(b"no data")], ids=["file", "content"])
def test_a_damaged_download_is_fetched_again(openml, tmp_path, content):
    load("mnist")
    (file,) = (tmp_path / "mlp").iterdir()
    file.unlink()
    (downloaded,) = (tmp_path / "openml").rglob("*.arff.gz")
    downloaded.write_bytes(content)
    with pytest.warns(CacheWarning, match=rf"{downloaded} was damaged: fetched again"):
        data = load("mnist")
    np.testing.assert_array_equal(data.train_images, openml.images[:60])
    file.unlink()
    openml.online = False
    load("mnist")  # from the new download


@pytest.mark.parametrize("kind", ["*.arff.gz", "features/*.gz", "download/*/*.gz"])
@pytest.mark.parametrize("damage", ["cut", "empty", "other bytes", "another table"])
@pytest.mark.parametrize("links", [True, False])
def test_a_damaged_download_is_named_and_kept_without_a_network(openml, tmp_path, monkeypatch, kind, damage, links):
    if not links:  # as on Windows
        monkeypatch.setattr("pathlib.Path.symlink_to", lambda *_: (_ for _ in ()).throw(OSError("no links")))
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(home))
    load("mnist")
    shutil.rmtree(home / "mlp")
    (file,) = home.glob(f"openml/**/{kind}")
    content = file.read_bytes()
    damaged = {
        "cut": content[:-20],
        "empty": b"",
        "other bytes": b"\x00" * 100,
        "another table": gzip.compress(b"@RELATION x\n@DATA\n"),
    }[damage]
    file.write_bytes(damaged)
    before = sorted(home.rglob("*"))
    openml.online = False
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with pytest.raises(
        DataUnavailable, match=rf"^{file} is damaged, and OpenML can't be reached \(.*no network.*--data"
    ):
        load("mnist")
    with pytest.warns(DataFallback, match=rf"^{file} is damaged, .*: using the embedded digits instead$"):
        load("auto")
    assert file.read_bytes() == damaged
    assert sorted(home.rglob("*")) == before
    assert not list(temporary.iterdir())


def test_a_data_home_that_is_no_folder_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / ("x" * 300)))
    refusal = pytest.raises(ValueError, match=r"^data home: .* given \(File name too long\); allowed: a folder$")
    with pytest.warns(CacheWarning), refusal:
        load("mnist")


def test_a_read_only_data_home_is_read(openml, tmp_path):
    load("mnist")
    shutil.rmtree(tmp_path / "mlp")
    openml.online = False
    (tmp_path / "mlp").touch()  # for root no folder is read-only
    with pytest.warns(CacheWarning, match="the array cache can't be written"):
        np.testing.assert_array_equal(load("mnist").train_images, openml.images[:60])


def test_a_disk_that_fills_up_costs_only_the_cache_and_leaves_nothing_half_written(openml, tmp_path, monkeypatch):
    def no_space(self, target):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", no_space)
    with pytest.warns(CacheWarning, match="No space left"):
        data = load("mnist")
    np.testing.assert_array_equal(data.train_images, openml.images[:60])
    assert not list((tmp_path / "mlp").iterdir())


def test_a_data_home_that_can_not_be_written_costs_only_the_cache(openml, tmp_path, monkeypatch):
    home = tmp_path / "a file instead of a folder"
    home.touch()
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(home))
    with pytest.warns(CacheWarning) as warned:
        data = load("mnist")
    messages = [str(warning.message) for warning in warned]
    assert len(messages) == 2
    assert messages[0].startswith("scikit-learn's cache can't be written")
    assert messages[1].startswith("the array cache can't be written")
    np.testing.assert_array_equal(data.train_images, openml.images[:60])


# Spawned processes would not have the fake OpenML.
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_several_processes_can_load_at_once(openml, tmp_path):
    load("mnist")
    (file,) = (tmp_path / "mlp").iterdir()
    file.unlink()  # so that all of them parse the download and write the cache
    load_again = partial(load, "mnist")
    with ProcessPoolExecutor(4, get_context("fork")) as pool:
        loading = [pool.submit(load_again) for _ in range(8)]
    assert {future.result().digest for future in loading} == {load_again().digest}


def test_the_default_data_home_is_scikit_learns(openml, tmp_path, monkeypatch):
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "home"))
    load("mnist")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("SCIKIT_LEARN_DATA")
    load("mnist")
    assert (tmp_path / "home" / "mlp" / "mnist_784.uint8").exists()
    assert (tmp_path / "user" / "scikit_learn_data" / "mlp").exists()
    assert get_data_home() == str(tmp_path / "user" / "scikit_learn_data")
