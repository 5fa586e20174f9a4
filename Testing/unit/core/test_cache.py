"""What is computed once and kept in files: whole, by what it depends on, and made anew when it is damaged."""

import numpy as np
import pytest
import SimpleITK as sitk

from liverpair.core.cache import cached_arrays, cached_transform, key_of, stamp_of


def test_what_is_on_disk_is_not_made_again(tmp_path):
    path = tmp_path / "new folder" / "a.npz"
    made = cached_arrays(path, lambda: {"x": np.arange(3, dtype=np.float16)})
    again = cached_arrays(path, lambda: pytest.fail("made again"))
    assert again["x"].dtype == np.float16 and again["x"].tolist() == made["x"].tolist() == [0, 1, 2]
    assert [own.name for own in path.parent.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"no archive"])
def test_a_damaged_file_is_made_again(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    (tmp_path / "a.tfm").write_bytes(content)
    cached_arrays(tmp_path / "a.npz", lambda: {"x": np.ones(2)})
    assert cached_arrays(tmp_path / "a.npz", lambda: pytest.fail("made again"))["x"].tolist() == [1, 1]
    moved = sitk.TranslationTransform(3, (1.0, 2.0, 3.0))
    cached_transform(tmp_path / "a.tfm", lambda: moved)
    found = cached_transform(tmp_path / "a.tfm", lambda: pytest.fail("made again"))
    assert found.TransformPoint((0.0, 0.0, 0.0)) == (1.0, 2.0, 3.0)


def test_what_fails_leaves_nothing(tmp_path):
    def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        cached_arrays(tmp_path / "a.npz", fail)
    assert not list(tmp_path.iterdir())


def test_keys_and_stamps_follow_what_they_are_of(tmp_path):
    keys = {key_of([1, "a"]), key_of([1, "b"]), key_of([1, "a"], b"a"), key_of([1, "a"], b"b")}
    assert len(keys) == 4 and key_of([1, "a"]) in keys
    path = tmp_path / "image"
    absent = stamp_of([path])
    path.write_text("one")
    there = stamp_of([path])
    path.write_text("three")
    assert len({absent, there, stamp_of([path])}) == 3
