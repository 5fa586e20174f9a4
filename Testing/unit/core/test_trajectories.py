"""The table of a dream."""

import math

import numpy as np
import pytest

from liverpair.core.errors import InputError
from liverpair.core.trajectories import Trajectories


def sample(run, start, iteration, **features):
    return {
        "run": run,
        "start": start,
        "iteration": iteration,
        "activation": iteration / 3,
        "probability": 0.25,
        "voxels": 7,
        "features": features,
    }


def table() -> Trajectories:
    trajectories = Trajectories()
    trajectories.add(sample("random-direction", 0, 0, glcm_Contrast=1.0))
    trajectories.add(sample("dream", 1, 0, glcm_Contrast=None))
    trajectories.add({**sample("dream", 1, 2, glcm_Contrast=0.1), "neuron": {"kind": "point"}})
    trajectories.add(sample("dream", 0, 1, glcm_Contrast=-3.0))
    trajectories.add(sample("dream", 0, 0, glcm_Contrast=5e300))
    return trajectories


def test_values_are_aligned_by_iteration_and_padded():
    iterations, values = table().values("glcm_Contrast")
    assert iterations.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(values, [[5e300, -3.0, math.nan], [math.nan, math.nan, 0.1]])
    assert table().values("activation", "random-direction")[1].tolist() == [[0.0]]
    assert table().values("glcm_Contrast", "random-weights")[1].shape == (0, 0)


def test_runs_come_in_their_order_and_keep_their_neuron():
    trajectories = table()
    assert [(t.kind, t.start) for t in trajectories] == [("dream", 0), ("dream", 1), ("random-direction", 0)]
    assert trajectories.kinds == ("dream", "random-direction") and len(trajectories) == 3
    assert trajectories.starts("dream")[1].neuron == {"kind": "point"}


def test_an_iteration_that_comes_again_replaces_itself():
    trajectories = table()
    trajectories.add(sample("dream", 0, 1, glcm_Contrast=8.0))
    assert trajectories.values("glcm_Contrast")[1][0, 1] == 8.0
    assert trajectories.starts()[0].iterations.tolist() == [0, 1]


def test_a_table_survives_its_file_to_the_last_bit(tmp_path):
    before = table()
    before.write_csv(tmp_path / "t.csv")
    after = Trajectories.read_csv(tmp_path / "t.csv")
    assert after.features == before.features == ("glcm_Contrast",)
    for name in ("activation", "probability", "voxels", "glcm_Contrast"):
        for kind in before.kinds:
            for one, other in zip(before.values(name, kind), after.values(name, kind)):
                np.testing.assert_array_equal(one, other)


def test_what_is_undefined_is_an_empty_cell(tmp_path):
    table().write_csv(tmp_path / "t.csv")
    lines = (tmp_path / "t.csv").read_text().splitlines()
    assert lines[0] == "run,start,iteration,activation,probability,voxels,glcm_Contrast"
    assert "dream,1,0,0,0.25,7," in lines


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "run,start,iteration,activation,probability,voxels,f\ndream,0,0,1\n", "\0"]
)
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match="t.csv' is not a table of trajectories"):
        Trajectories.read_csv(tmp_path / "t.csv")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none.csv' cannot be read"):
        Trajectories.read_csv(tmp_path / "none.csv")


def test_an_unknown_kind_of_run_is_refused():
    with pytest.raises(InputError, match="'nightmare'"):
        Trajectories().add(sample("nightmare", 0, 0))
