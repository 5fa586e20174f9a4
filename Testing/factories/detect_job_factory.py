"""Requests of the job "detect", with a detector that finds peaks."""

import pytest
from peak_detector import write_peak_bundle
from peak_study import write_volumes


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a study, its masks, and the detector "b"."""
    folder = tmp_path_factory.mktemp("Läsion 肝")
    write_peak_bundle(folder / "b")
    write_volumes(folder / "study")
    return folder


@pytest.fixture
def paths(place):
    """The files of the study."""
    return {part: str(place / "study" / f"{part}.nii.gz") for part in ("t1", "t2", "t1_liver", "t2_liver")}


@pytest.fixture
def request_for(place, paths, tmp_path):
    """A request of a detection without registration, with changes."""

    def make(**changes):
        common = {**paths, "model": str(place / "b"), "device": "cpu", "output": str(tmp_path / "out")}
        return {**common, "correspondence": False, **changes}

    return make
