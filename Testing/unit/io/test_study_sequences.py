"""Guessing T1 or T2 from names and DICOM tags, and warning when the choice looks wrong."""

import pytest

from liverpair.core.sides import Side
from liverpair.io.weighting import guess_sequence, sequence_warning


@pytest.mark.parametrize(
    "name",
    [
        "t1",
        Side.T1,
        "T1w",
        "t1_vibe",
        "T1WI",
        "t1.nii.gz",
        "AX_T1",
        "axT1",
        "AXT1",
        "T1 DUAL FFE",
        "T1DUAL_InPhase",
        "LAVA",
        "Lava-Flex",
        "eTHRIVE",
        "flash",
        "in-phase",
        "out_of_phase",
        "InPhase",
        "opp-phase",
        "mDIXON_W",
        "dixon",
        "t1_tse",
        "T1W_SPIR",
        "fl3d_fs",
        "Ax.T1.3D",
        "t1-2",
        "FSPGR",
    ],
)
def test_t1_names(name):
    assert guess_sequence(name) == Side.T1


@pytest.mark.parametrize(
    "name",
    [
        "t2",
        "T2w",
        "T2SPIR",
        "sT2W_TSE",
        "haste",
        "HASTE_cor",
        "t2_haste_fs",
        "spir",
        "tse",
        "FSE",
        "blade",
        "T2_Propeller",
        "propeller",
        "ssfse",
        "SSh_TSE",
        "frFSE",
        "AXT2",
        "t2_dixon",
        "T2-SPAIR",
        "t2_space",
    ],
)
def test_t2_names(name):
    assert guess_sequence(name) == Side.T2


@pytest.mark.parametrize(
    "name",
    [
        "",
        "t1rho",
        "T1_rho",
        "t2star",
        "t2*",
        "T2_star",
        "AX T2* GRE",
        "t1map",
        "T2 mapping",
        "mt10",
        "part1",
        "series_t12",
        "patient2",
        "subject1",
        "cat1",
        "t10",
        "volume",
        "t1_to_t2",
        "T1/T2",
        "adc",
        "DWI b800",
        "portal",
        "tsetse2 flashlight vibe",
    ],
)
def test_names_that_say_nothing(name):
    assert guess_sequence(name) is None


@pytest.mark.parametrize(
    "tags, expected",
    [
        ({"EchoTime": "4.635", "RepetitionTime": "124.6", "ScanningSequence": "GR", "FlipAngle": "80"}, Side.T1),
        ({"EchoTime": "1.6", "RepetitionTime": "3.9", "ScanningSequence": "GR", "FlipAngle": "10"}, Side.T1),
        ({"EchoTime": "1.6", "RepetitionTime": "3.5", "ScanningSequence": "GR", "FlipAngle": "60"}, None),
        ({"EchoTime": "1.2", "RepetitionTime": "8.0", "ScanningSequence": "GR", "FlipAngle": "3"}, None),
        ({"EchoTime": "18", "RepetitionTime": "200", "ScanningSequence": "GR", "FlipAngle": "20"}, None),
        (
            {"EchoTime": "3", "RepetitionTime": "2000", "ScanningSequence": "['GR', 'IR']", "InversionTime": "900"},
            Side.T1,
        ),
        ({"EchoTime": "70", "RepetitionTime": "1716", "ScanningSequence": "SE"}, Side.T2),
        ({"EchoTime": "90"}, Side.T2),
        ({"EchoTime": "40", "RepetitionTime": "4000", "InversionTime": "160", "ScanningSequence": "SE\\IR"}, Side.T2),
        ({"EchoTime": "12", "RepetitionTime": "500", "ScanningSequence": "SE"}, Side.T1),
        ({"EchoTime": "15", "RepetitionTime": "2500", "ScanningSequence": "SE"}, None),
        ({"EchoTime": "70", "RepetitionTime": "5000", "ScanningSequence": "EP"}, None),
        ({"EchoTime": "", "RepetitionTime": "n/a"}, None),
        ({"SequenceName": "*fl3d1"}, Side.T1),
        ({"SequenceName": "*h2d1_86"}, Side.T2),
        ({"SeriesDescription": "T2 TSE", "EchoTime": "4", "RepetitionTime": "100", "ScanningSequence": "GR"}, Side.T2),
        ({"SeriesDescription": "T2* GRE", "EchoTime": "90"}, None),
        ({"Modality": "CT", "SeriesDescription": "T1 level"}, None),
    ],
)
def test_tags(tags, expected):
    assert guess_sequence("volume", tags) == expected


def test_the_scanner_is_believed_before_a_name():
    assert guess_sequence("t1", {"SeriesDescription": "T2W_HASTE"}) == Side.T2
    assert guess_sequence("t1", {"EchoTime": "80", "RepetitionTime": "2000"}) == Side.T2
    assert guess_sequence("t1", {"SeriesDescription": "abdomen dual"}) == Side.T1


def test_numbers_are_accepted_as_tags():
    assert guess_sequence("x", {"EchoTime": 80.0, "RepetitionTime": None}) == Side.T2


@pytest.mark.parametrize(
    "t1, t2, same, words",
    [
        ("T1w", "T2w", False, None),
        ("a", "b", False, None),
        ("T1w", "b", False, None),
        ("T2w", "T1w", False, "T1 and T2 seem swapped: 'T2w' looks T2-weighted and 'T1w' looks T1-weighted."),
        ("x", "x", True, "T1 and T2 are the same volume ('x'); choose two different volumes or leave one empty."),
        ("vibe", "lava", False, "Both volumes look T1-weighted: 'vibe' and 'lava'."),
        ("haste", "blade", False, "Both volumes look T2-weighted: 'haste' and 'blade'."),
        ("haste", "b", False, "'haste' is chosen as T1 but looks T2-weighted."),
        ("a", "vibe", False, "'vibe' is chosen as T2 but looks T1-weighted."),
        ("haste", None, False, "'haste' is chosen as T1 but looks T2-weighted."),
        (None, Side.T2, False, None),
    ],
)
def test_warnings(t1, t2, same, words):
    assert sequence_warning(t1, None, t2, {}, same) == words
