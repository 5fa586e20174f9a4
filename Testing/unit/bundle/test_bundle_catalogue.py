"""The catalogue: listing, finding, importing from folders and zips that mean harm, deleting."""

import os
import stat
import sys
import zipfile

import pytest
from bundle_factory import edit_manifest, write_bundle, zip_folder

from liverpair.bundle import Bundle, Catalogue
from liverpair.bundle.importing import MAXIMUM_FILES, copy_bundle
from liverpair.core import paths as folders
from liverpair.core.errors import BundleError


@pytest.fixture
def shipped(tmp_path):
    write_bundle(tmp_path / "shipped" / "liver", name="liver")
    return tmp_path / "shipped"


@pytest.fixture
def catalogue(tmp_path, shipped):
    return Catalogue([shipped, tmp_path / "user"])


@pytest.fixture
def source(tmp_path):
    return write_bundle(tmp_path / "elsewhere" / "a folder", name="other").folder


def names(catalogue):
    return [bundle.name for bundle in catalogue.list()]


def assert_nothing_imported(catalogue, tmp_path):
    assert names(catalogue) == ["liver"]
    assert list(catalogue.user_root.iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_the_users_folder_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("LIVERPAIR_BUNDLES", str(tmp_path / "mine"))
    assert Catalogue().user_root == tmp_path / "mine"
    assert Catalogue().roots[0] == folders.shipped_bundles_folder()


def test_the_users_folder_follows_the_platform(tmp_path, monkeypatch):
    monkeypatch.delenv("LIVERPAIR_BUNDLES", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setenv("HOME", str(tmp_path))
    for platform, expected in [
        ("linux", tmp_path / "xdg" / "LiverPair" / "bundles"),
        ("win32", tmp_path / "local" / "LiverPair" / "bundles"),
        ("darwin", tmp_path / "Library" / "Application Support" / "LiverPair" / "bundles"),
    ]:
        monkeypatch.setattr(folders.sys, "platform", platform)
        assert folders.user_bundles_folder() == expected


def test_folders_that_do_not_exist_are_empty(tmp_path):
    assert Catalogue([tmp_path / "a", tmp_path / "b"]).list() == []


@pytest.mark.parametrize("prefix", ["", "a folder/"])
def test_import_from_a_zip_with_the_bundle_at_the_top_or_in_a_folder(catalogue, source, tmp_path, prefix):
    archive = zip_folder(source, tmp_path / "model.zip", prefix)
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("__MACOSX/._bundle.json", "clutter")
        more.writestr(prefix + "run.py", "print('never copied')")
    bundle = catalogue.import_from(archive)
    assert bundle.folder == catalogue.user_root / "other"
    assert names(catalogue) == ["liver", "other"]
    assert sorted(p.name for p in bundle.folder.iterdir()) == ["README.md", "bundle.json", "weights.safetensors"]
    assert bundle.sha256 == Bundle.load(source).sha256


@pytest.mark.parametrize("nested", [False, True])
def test_import_from_a_folder_or_the_folder_around_it(catalogue, source, nested):
    bundle = catalogue.import_from(source.parent if nested else source)
    assert bundle.name == "other"
    assert names(catalogue) == ["liver", "other"]


def test_a_model_is_found_by_name_and_by_path(catalogue, source):
    assert catalogue.find("liver").name == "liver"
    assert catalogue.find(source).name == "other"
    assert catalogue.find(str(source)).name == "other"
    with pytest.raises(BundleError, match="There is no model 'lungs'. There are: liver."):
        catalogue.find("lungs")
    with pytest.raises(BundleError, match="There is no model yet"):
        Catalogue([source.parent.parent / "none"]).find("lungs")


def test_a_damaged_model_is_left_out_and_its_reason_told(catalogue, source):
    edit_manifest(catalogue.import_from(source).folder, version=...)
    assert names(catalogue) == ["liver"]
    assert "'version' is missing" in catalogue.problems()[catalogue.user_root / "other"]
    with pytest.raises(BundleError, match="'version' is missing"):
        catalogue.find("other")
    catalogue.delete("other")
    assert catalogue.problems() == {}


def test_of_two_models_with_one_name_the_first_counts(catalogue, tmp_path):
    write_bundle(catalogue.user_root / "copy", name="liver")
    assert [b.folder.parent.name for b in catalogue.list()] == ["shipped"]
    assert "another model 'liver'" in catalogue.problems()[catalogue.user_root / "copy"]


def test_a_taken_name_is_refused_and_what_was_there_stays(catalogue, source, tmp_path):
    catalogue.import_from(source)
    with pytest.raises(BundleError, match="already a model 'other'. Delete it first"):
        catalogue.import_from(source)
    impostor = write_bundle(tmp_path / "impostor", name="liver").folder
    with pytest.raises(BundleError, match="already a model 'liver'. Give the new one another name"):
        catalogue.import_from(impostor)
    assert names(catalogue) == ["liver", "other"]
    assert sorted(p.name for p in catalogue.user_root.iterdir()) == ["other"]


def test_delete_removes_imported_models_only(catalogue, source):
    catalogue.import_from(source)
    catalogue.delete("other")
    assert names(catalogue) == ["liver"]
    assert list(catalogue.user_root.iterdir()) == []
    with pytest.raises(BundleError, match="comes with LiverPair and cannot be deleted"):
        catalogue.delete("liver")
    for name in ("other", "..", "", str(source)):
        with pytest.raises(BundleError):
            catalogue.delete(name)
    assert (source / "bundle.json").is_file()
    assert names(catalogue) == ["liver"]


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/evil", "C:/evil", "C:evil", "..\\evil", "a folder/../../evil"],
)
def test_a_zip_with_a_path_that_leads_outside_is_refused_whole(catalogue, source, tmp_path, name):
    archive = zip_folder(source, tmp_path / "model.zip")
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr(name, "harm")
    with pytest.raises(BundleError, match="leads out of the folder"):
        catalogue.import_from(archive)
    assert_nothing_imported(catalogue, tmp_path)


def test_a_zip_with_a_link_is_refused(catalogue, source, tmp_path):
    archive = zip_folder(source, tmp_path / "model.zip")
    with zipfile.ZipFile(archive, "a") as more:
        link = zipfile.ZipInfo("notes.md")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        more.writestr(link, "/etc/passwd")
    with pytest.raises(BundleError, match="'notes.md' is a link"):
        catalogue.import_from(archive)
    assert_nothing_imported(catalogue, tmp_path)


@pytest.mark.parametrize("name", ["weights.safetensors", "README.md"])
def test_a_folder_with_a_link_is_refused(catalogue, source, tmp_path, name):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (source / name).unlink()
    os.symlink(secret, source / name)
    with pytest.raises(BundleError, match="is not an ordinary file"):
        catalogue.import_from(source)
    assert_nothing_imported(catalogue, tmp_path)


def test_a_zip_that_unpacks_to_more_than_the_limit_is_stopped_while_unpacking(source, tmp_path):
    archive = zip_folder(source, tmp_path / "bomb.zip")
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as more:
        more.writestr("zeros.txt", bytes(4 * 2**20))
    target = tmp_path / "target"
    target.mkdir()
    with pytest.raises(BundleError, match="is refused: unpacked, it is larger than"):
        copy_bundle(archive, target, maximum_bytes=2**20)
    assert sum(p.stat().st_size for p in target.iterdir()) <= 2**20
    (tmp_path / "target2").mkdir()
    with pytest.raises(BundleError, match="larger than 0 MiB"):
        copy_bundle(source, tmp_path / "target2", maximum_bytes=1000)


def test_a_manifest_that_unpacks_to_many_megabytes_is_refused(catalogue, source, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle.json", b" " * (9 * 2**20))
    with pytest.raises(BundleError, match="larger than 8 MiB"):
        catalogue.import_from(tmp_path / "bomb.zip")
    assert_nothing_imported(catalogue, tmp_path)


def test_a_zip_of_very_many_files_is_refused(catalogue, tmp_path):
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for i in range(MAXIMUM_FILES + 1):
            archive.writestr(f"{i}.txt", "")
    with pytest.raises(BundleError, match="holds 1001 files"):
        catalogue.import_from(tmp_path / "many.zip")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_that_holds_a_file_twice_is_refused(catalogue, source, tmp_path):
    archive = zip_folder(source, tmp_path / "model.zip")
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("bundle.json", "{}")
    with pytest.raises(BundleError, match="holds 'bundle.json' twice"):
        catalogue.import_from(archive)
    assert_nothing_imported(catalogue, tmp_path)


def test_a_zip_without_one_manifest_is_refused(catalogue, source, tmp_path):
    deep = zip_folder(source, tmp_path / "deep.zip", "a/b/c/")
    with pytest.raises(BundleError, match="is not a model: it has no bundle.json"):
        catalogue.import_from(deep)
    two = zip_folder(source, tmp_path / "two.zip", "a/")
    with zipfile.ZipFile(two, "a") as more:
        more.writestr("b/bundle.json", "{}")
    with pytest.raises(BundleError, match=r"holds several models \(a, b\)"):
        catalogue.import_from(two)
    assert_nothing_imported(catalogue, tmp_path)


def test_what_is_not_a_zip_is_refused(catalogue, source, tmp_path):
    (tmp_path / "noise.zip").write_bytes(b"noise" * 100)
    with pytest.raises(BundleError, match="cannot be unpacked as a zip file"):
        catalogue.import_from(tmp_path / "noise.zip")
    whole = zip_folder(source, tmp_path / "model.zip").read_bytes()
    damaged = bytearray(whole)
    damaged[200:400] = bytes(200)
    (tmp_path / "damaged.zip").write_bytes(damaged)
    with pytest.raises(BundleError):
        catalogue.import_from(tmp_path / "damaged.zip")
    with pytest.raises(BundleError, match="neither a folder nor a zip file"):
        catalogue.import_from(tmp_path / "absent.zip")
    assert_nothing_imported(catalogue, tmp_path)


def test_an_encrypted_zip_is_refused(catalogue, source, tmp_path):
    content = bytearray(zip_folder(source, tmp_path / "model.zip").read_bytes())
    central = content.index(b"PK\x01\x02")
    content[central + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(content)
    with pytest.raises(BundleError, match="is encrypted"):
        catalogue.import_from(tmp_path / "locked.zip")


def test_an_imported_bundle_that_fails_its_checks_leaves_nothing(catalogue, source, tmp_path):
    edit_manifest(source, sha256="0" * 64)
    with pytest.raises(BundleError, match="do not have the checksum"):
        catalogue.import_from(zip_folder(source, tmp_path / "model.zip"))
    assert_nothing_imported(catalogue, tmp_path)


def refused(catalogue, source):
    with pytest.raises(BundleError) as caught:
        catalogue.import_from(source)
    assert ".import-" not in str(caught.value)
    return str(caught.value)


def test_a_refused_import_names_what_the_user_gave(catalogue, source, tmp_path):
    edit_manifest(source, task="cooking")
    assert "Model 'a folder' is refused" in refused(catalogue, source)
    assert "Model 'model.zip' is refused" in refused(catalogue, zip_folder(source, tmp_path / "model.zip"))
    (source / "bundle.json").write_text("{")
    assert "Model 'a folder' has a bundle.json that is not valid JSON" in refused(catalogue, source)
    assert_nothing_imported(catalogue, tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": {"name": "evil", "arguments": {}}}, "not 'evil'"),
        ({"network": {"name": "unet", "arguments": {"widths": [8, 16]}}}, "do not fit the network in its manifest"),
        ({"network": {"name": "unet", "arguments": {"widths": "abc"}}}, "arguments that do not fit the network"),
        ({"strategy": "telepathy"}, "not 'telepathy'"),
    ],
)
def test_a_model_that_can_never_run_is_not_imported(catalogue, source, tmp_path, changes, words):
    edit_manifest(source, **changes)
    assert words in refused(catalogue, source)
    assert_nothing_imported(catalogue, tmp_path)


def test_without_torch_a_model_is_imported_unbuilt(catalogue, source, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert catalogue.import_from(source).name == "other"
