"""Registration of two liver masks: it finds a known map, inverts it, remembers it and refuses what is empty."""

import numpy as np
import paired_lesions_factory as factory
import pytest
import SimpleITK as sitk

from liverpair.core.errors import Cancelled, InputError
from liverpair.core.geometry import Grid
from liverpair.registration import livers as module
from liverpair.registration.livers import RegistrationSettings, cached_registration, register_livers

QUICK = RegistrationSettings(working_mm=14.0, control_mm=90.0, iterations=15)
PLACES = np.array([[0.0, 0, 0], [-40.0, 10, 20], [20.0, -30, 25], [-30.0, 0, -40]])


@pytest.fixture(scope="module")
def found():
    return register_livers(*factory.livers(), QUICK)


def test_a_known_map_is_found_between_grids_of_other_orientation(found):
    expected = np.array([factory.true_map().TransformPoint(p) for p in PLACES.tolist()])
    error = np.linalg.norm(found.to_t2(PLACES) - expected, axis=-1)
    untouched = np.linalg.norm(PLACES - expected, axis=-1)
    assert error.max() < 8.0 < untouched.min()
    assert found.dice > 0.93


def test_there_and_back_is_where_one_was(found):
    assert np.abs(found.to_t1(found.to_t2(PLACES)) - PLACES).max() < 0.1
    assert found.to_t1(PLACES[0]).shape == (3,)
    assert np.allclose(found.displacement(PLACES), found.to_t2(PLACES) - PLACES)


def test_the_field_does_not_fold(found):
    grid = Grid.of(factory.livers()[0])
    field = sitk.TransformToDisplacementField(
        found.transform, sitk.sitkVectorFloat64, grid.size, grid.origin, grid.spacing, grid.direction
    )
    inside = sitk.GetArrayViewFromImage(factory.livers()[0]) > 0
    assert sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(field))[inside].min() > 0.2


def test_a_registration_is_remembered_and_other_masks_are_not_confused_with_it(tmp_path, monkeypatch, found):
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return found

    monkeypatch.setattr(module, "register_livers", counted)
    t1_liver, t2_liver = factory.livers()
    first = cached_registration(t1_liver, t2_liver, tmp_path, QUICK)
    second = cached_registration(t1_liver, t2_liver, tmp_path, QUICK)
    assert len(calls) == 1
    assert np.allclose(first.to_t2(PLACES), second.to_t2(PLACES), atol=1e-6)
    assert second.dice == pytest.approx(found.dice, abs=1e-6)
    cached_registration(t1_liver, sitk.BinaryDilate(t2_liver), tmp_path, QUICK)
    assert len(calls) == 2


def test_an_empty_mask_is_refused_by_name():
    t1_liver, t2_liver = factory.livers()
    with pytest.raises(InputError, match="T2 liver mask is empty"):
        register_livers(t1_liver, t2_liver * 0)


def test_a_registration_is_cancelled_in_any_iteration():
    said = []

    def cancel(fraction: float, message: str) -> None:
        said.append(fraction)
        if len(said) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        register_livers(*factory.livers(), QUICK, cancel)
    assert len(said) == 3 and said == sorted(said)
