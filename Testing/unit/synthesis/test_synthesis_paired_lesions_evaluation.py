"""The evaluation set: it is read, drawn again alike, rendered from real MRI, and refused where it does not fit."""

from dataclasses import replace

import numpy as np
import paired_lesions_factory as factory
import pytest
import SimpleITK as sitk

from liverpair.core.errors import InputError
from liverpair.synthesis import paired_lesions_evaluation as module
from liverpair.synthesis.paired_lesions_evaluation import (
    TEST_CASES,
    draw_case,
    main,
    read_lesion_cases,
    render_case,
    write_lesion_cases,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """One artificial case in a folder of real pairs, its registration known."""
    case = tmp_path / "07"
    case.mkdir()
    for side, liver, seed in zip(("t1", "t2"), factory.livers(), (1, 2), strict=True):
        sitk.WriteImage(factory.image(liver, seed), str(case / f"{side}.nii.gz"))
        sitk.WriteImage(liver + 2 * (liver == 0), str(case / f"{side}_organs.nii.gz"))
    monkeypatch.setattr(module, "cached_registration", lambda *masks: factory.correspondence())
    return tmp_path


def test_the_committed_set_covers_the_test_cases():
    cases = read_lesion_cases()
    assert {case.case for case in cases} == set(TEST_CASES)
    assert len({case.seed for case in cases}) == len(cases) == len({case.name for case in cases})
    lesions = [lesion for case in cases for lesion in case.lesions]
    assert min(len(case.lesions) for case in cases) >= 1 and max(len(case.lesions) for case in cases) <= 54
    assert all(5.0 <= round(lesion.diameter_mm, 1) <= 60.0 for lesion in lesions)
    assert len({lesion.uid for lesion in lesions}) == len(lesions)


def test_parameters_survive_the_file(folder, tmp_path):
    cases = [draw_case(folder, "07", seed) for seed in (1, 2)]
    write_lesion_cases(tmp_path / "set.json", cases)
    assert read_lesion_cases(tmp_path / "set.json") == cases


def test_a_set_drawn_from_the_command_line_renders(folder, tmp_path, capsys):
    output = tmp_path / "set.json"
    main([str(folder), "-o", str(output), "--cases", "07", "--sets", "2", "--first-seed", "5"])
    assert "2 cases" in capsys.readouterr().out
    cases = read_lesion_cases(output)
    assert [case.seed for case in cases] == [5, 6]
    pair = render_case(folder, cases[0])
    assert {one.uid for one in pair.pairs} <= {lesion.uid for lesion in cases[0].lesions}
    assert (sitk.GetArrayFromImage(pair.t2) != sitk.GetArrayFromImage(render_case(folder, cases[1]).t2)).any()


def test_other_images_and_missing_ones_are_refused(folder):
    case = draw_case(folder, "07", 1)
    with pytest.raises(InputError, match="not those the lesions were drawn for"):
        render_case(folder, replace(case, sizes=((9, 9, 9), case.sizes[1])))
    with pytest.raises(InputError, match="t1.nii.gz' does not exist"):
        render_case(folder, replace(case, case="08"))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "a.json").write_text('{"schema": "other"}')
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(InputError, match="does not hold lesion parameters"):
        read_lesion_cases(tmp_path / "a.json")
    with pytest.raises(InputError, match="cannot be read"):
        read_lesion_cases(tmp_path / "b.json")


def test_a_committed_case_lies_in_the_real_livers_it_was_drawn_for(data_folder):
    case = next(case for case in read_lesion_cases() if 3 <= len(case.lesions) <= 8)
    real = module.read_real_pair(data_folder / "chaos_mr", case.case)
    pair = render_case(data_folder / "chaos_mr", case)
    assert len(pair.pairs) >= len(case.lesions) - 1
    for image, original, liver in ((pair.t1, real.t1, real.t1_liver), (pair.t2, real.t2, real.t2_liver)):
        changed = sitk.GetArrayViewFromImage(image) != sitk.GetArrayViewFromImage(original)
        assert changed.any() and not (changed & (sitk.GetArrayViewFromImage(liver) == 0)).any()
    for one in pair.pairs:
        assert np.isfinite(one.displacement_mm).all()
