"""The response after RECIST 1.1: every rule against a case worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverpair.core.errors import InputError
from liverpair.measures.recist import RecistLimits
from liverpair.measures.response import Followed, ResponseLimits, agreement_note, change_of, response


def of(*diameters, **more):
    """The response of lesions of these diameters, one tuple a lesion."""
    return response([Followed(str(n), own) for n, own in enumerate(diameters, start=1)], **more)


@pytest.mark.parametrize(
    "before, now, change",
    [
        (20.0, 20.0, "stable"),
        (20.0, 25.0, "grown"),  # 25 % and 5 mm
        (20.0, 24.9, "stable"),  # 24.5 %, but 4.9 mm
        (40.0, 47.9, "stable"),  # 7.9 mm, but 19.75 %
        (40.0, 48.0, "grown"),
        (20.0, 14.0, "shrunk"),  # 30 %
        (20.0, 14.1, "stable"),
        (0.0, 8.0, "new"),
        (0.0, None, "new"),
        (8.0, 0.0, "gone"),
        (None, 0.0, "gone"),
        (None, 12.0, "not measured"),
        (12.0, None, "not measured"),
        (0.0, 0.0, "not measured"),
    ],
)
def test_a_lesion_grows_shrinks_comes_and_goes(before, now, change):
    assert change_of(before, now) == change


def test_the_published_example_after_a_partial_response():
    """Couteaux 2021, figure 1.2: 110 mm and 54 mm are 164 mm; 30 % below is 114.8 mm."""
    found = of((110.0, 74.8), (54.0, 40.0), (9.0, 9.0))
    assert found.sums_mm == (164.0, pytest.approx(114.8))
    assert (found.category, found.targets, found.others) == ("PR", "PR", "non-CR/non-PD")
    assert (found.target_names, found.other_names) == (("1", "2"), ("3",))
    assert found.arithmetic[0] == "Visit 1: 110.0 + 54.0 = 164.0 mm (lesions 1, 2)."
    assert "From the baseline 164.0 mm to 114.8 mm: -49.2 mm, -30.0 %." in found.arithmetic
    assert of((110.0, 74.9), (54.0, 40.0)).category == "SD"


def test_progression_is_counted_from_the_nadir_and_takes_five_millimeters():
    assert of((50.0, 30.0, 36.0)).category == "PD"  # +20 % and 6 mm over 30, though 28 % below the baseline
    assert of((50.0, 20.0, 24.5)).category == "PR"  # +22.5 %, but 4.5 mm; 51 % below the baseline
    assert of((50.0, 48.0, 52.0)).category == "SD"
    found = of((50.0, 30.0, 36.0))
    assert (found.baseline_mm, found.nadir_mm) == (50.0, 30.0)
    assert "From the nadir 30.0 mm to 36.0 mm: +6.0 mm, +20.0 %." in found.arithmetic
    assert of((20.0, 10.0, 12.0), limits=ResponseLimits(progression_mm=0.0)).category == "PD"


def test_a_complete_response_takes_the_others_too():
    assert of((20.0, 0.0), (9.0, 0.0)).category == "CR"
    assert of((20.0, 0.0), (9.0, 8.0)).category == "PR"
    partial = of((20.0, 0.0), (9.0, 8.0), (8.0, 0.0))
    assert "Other lesions (lesions 2, 3): lesion 2 still there." in partial.arithmetic
    assert of((20.0, 0.0)).category == "CR"
    assert of((20.0, 0.0, 4.0)).category == "PD"  # what had gone is back


def test_a_new_lesion_is_progression_whatever_the_targets_do():
    found = of((30.0, 10.0), (0.0, 6.0))
    assert (found.category, found.targets, found.new_names) == ("PD", "PR", ("2",))
    assert found.notes == ()
    unsure = response([Followed("1", (30.0, 10.0)), Followed("2", (0.0, 6.0), confirmed=False)])
    assert "No reader has confirmed lesion 2" in unsure.notes[0]
    assert of((30.0, 10.0, 10.0), (0.0, 6.0, 0.0)).category == "PR"  # gone again


def test_without_targets_the_other_lesions_decide():
    assert of((9.0, 9.0)).category == "non-CR/non-PD"
    assert of((9.0, 0.0)).category == "CR"
    assert of((9.0, 9.0), others_progress=True).category == "PD"
    assert of((30.0, 30.0), (9.0, 9.0), others_progress=True).category == "PD"
    assert response([]).category == "no disease"


def test_a_target_that_is_there_and_not_measured_counts_five_millimeters():
    found = of((30.0, None))
    assert found.sums_mm == (30.0, 5.0) and found.category == "PR"
    assert found.notes == ("Lesion 1 was there at visit 2 and not measured: it counts 5 mm.",)


def test_targets_are_the_largest_measurable_lesions_of_the_first_visit():
    found = of((12.0, 12.0), (30.0, 30.0), (9.9, 40.0), (15.0, 15.0))
    assert found.target_names == ("2", "4")
    assert of((12.0, 12.0), (30.0, 30.0), slice_mm=7.0).target_names == ("2",)
    limits = ResponseLimits(RecistLimits(most_per_organ=5))
    assert of(*[(11.0 + n, 5.0) for n in range(7)], limits=limits).target_names == ("7", "6", "5", "4", "3")


@given(st.lists(st.tuples(*[st.floats(0, 100)] * 3), min_size=1, max_size=6))
def test_a_category_follows_from_its_parts_and_the_sums_add_up(diameters):
    found = of(*diameters)
    if found.new_names:
        assert found.category == "PD"
    followed = dict(zip((str(n) for n in range(1, 7)), diameters))
    if found.target_names:
        for visit, total in enumerate(found.sums_mm):
            assert total == pytest.approx(sum(followed[name][visit] for name in found.target_names))
        assert found.nadir_mm == min(found.sums_mm[:-1])
    assert found.arithmetic[-1].endswith(".")


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match="two visits or more"):
        response([Followed("1", (3.0,))])
    with pytest.raises(InputError, match="every lesion at all of them"):
        response([Followed("1", (3.0, 4.0)), Followed("2", (3.0, 4.0, 5.0))])
    with pytest.raises(InputError, match="must not be negative"):
        ResponseLimits(progression_mm=-1)
    assert agreement_note({"T1": "PR", "T2": "PR"}) == ""
    assert "T1 PR, T2 SD" in agreement_note({"T1": "PR", "T2": "SD"})
