"""Structured reports: what is written reads back with pydicom and highdicom, and what cannot be is refused whole."""

import sys
import uuid
from dataclasses import replace

import highdicom
import numpy as np
import pydicom
import pytest
from dicom_factory import AXIAL, CORONAL, write_enhanced, write_slice, write_stack
from lesion_factory import detected, drawn, lesion_of, marked, without
from pydicom.sr.codedict import codes

from liverpair.core.errors import InputError, MissingPackageError
from liverpair.core.geometry import Box, Grid
from liverpair.core.sides import Side
from liverpair.io.dicom_series import list_series
from liverpair.io.structured_report import ReportAuthor, tracking_uid, write_structured_reports

# The factory's slices: 6 columns of 1.25 mm from x = -10.625, 4 rows of 1.5 mm from y = -20.75, at z = 0, 3, 6, 9.
BOX = Box((-7.5, -18.5, 4.0), (2.5, 3.0, 7.0))
UID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def pair(number=1, **changes):
    t1, t2 = detected(BOX, 0.93), drawn(BOX.moved((1.0, 0.0, 1.0)))
    return replace(lesion_of(number, t1, t2, state="accepted", note="Lésion à contrôler", uid=UID), **changes)


def said(path):
    """All names and texts in the tree of a report."""
    elements = pydicom.dcmread(path).iterall()
    return {str(e.value) for e in elements if e.keyword in ("TextValue", "PersonName")}


@pytest.fixture
def files(tmp_path):
    """The files of T1 and of T2, of one patient and study."""
    patient = {"PatientID": "P1", "PatientName": "Doe^Jane", "StudyDate": "20240506", "StudyTime": "101112"}
    return {
        "t1": write_stack(tmp_path / "t1", SeriesInstanceUID="1.2.3.1", **patient),
        "t2": write_stack(tmp_path / "t2", SeriesInstanceUID="1.2.3.2", SeriesDescription="T2", **patient),
    }


def write(folder, pairs, files, **options):
    return write_structured_reports(folder, pairs, files["t1"], files["t2"], **options)


def groups(path, **criteria):
    return highdicom.sr.srread(path).content.get_volumetric_roi_measurement_groups(**criteria)


def value(group, name):
    """The value of a measurement; None without one."""
    found = group.get_measurements(name)
    return found[0].value if found else None


def test_each_series_gets_its_report_and_a_lesion_has_one_tracking_uid_in_both(files, tmp_path):
    written = write(tmp_path / "out", [pair()], files)
    assert {side: path.name for side, path in written.paths.items()} == {
        "t1": "lesions-t1-sr.dcm",
        "t2": "lesions-t2-sr.dcm",
    }
    assert written.notes == []
    found = {side: groups(path) for side, path in written.paths.items()}
    assert {len(g) for g in found.values()} == {1}
    assert {g[0].tracking_uid for g in found.values()} == {tracking_uid(UID)}
    assert {g[0].tracking_identifier for g in found.values()} == {"Lesion 1"}
    assert len(groups(written.paths["t2"], tracking_uid=tracking_uid(UID))) == 1


def test_the_header_is_that_of_a_measurement_report_of_the_patient(files, tmp_path):
    written = write(tmp_path, [pair()], files)
    reports = {side: pydicom.dcmread(path) for side, path in written.paths.items()}
    for side, report in reports.items():
        source = pydicom.dcmread(files[side][0])
        assert report.SOPClassUID == pydicom.uid.Comprehensive3DSRStorage
        assert report.Modality == "SR"
        assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
        assert report.ConceptNameCodeSequence[0].CodeValue == "126000"
        assert (report.PatientID, report.PatientName) == ("P1", "Doe^Jane")
        assert (report.StudyInstanceUID, report.StudyDate) == (source.StudyInstanceUID, "20240506")
        assert report.SeriesInstanceUID != source.SeriesInstanceUID
        assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
        evidence = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
        assert [series.SeriesInstanceUID for series in evidence] == [source.SeriesInstanceUID]
    assert reports["t1"].SOPInstanceUID != reports["t2"].SOPInstanceUID
    assert reports["t1"].SeriesInstanceUID != reports["t2"].SeriesInstanceUID


def test_the_box_is_a_rectangle_on_every_slice_it_crosses(files, tmp_path):
    (group,) = groups(write(tmp_path, [pair()], files).paths["t1"])
    regions = group.roi
    by_instance = {pydicom.dcmread(f).SOPInstanceUID: pydicom.dcmread(f) for f in files["t1"]}
    referenced = [by_instance[r.ContentSequence[0].referenced_sop_instance_uid] for r in regions]
    assert [float(s.ImagePositionPatient[2]) for s in referenced] == [3.0, 6.0]
    columns = (np.array([-8.75, -6.25]) + 10.625) / 1.25
    rows = (np.array([-20.0, -17.0]) + 20.75) / 1.5
    for region in regions:
        assert region.graphic_type == highdicom.sr.GraphicTypeValues.POLYLINE
        outline = region.value
        assert np.allclose(outline[0], outline[-1])
        assert np.allclose(outline.min(axis=0), (columns[0], rows[0]), atol=1e-5)
        assert np.allclose(outline.max(axis=0), (columns[1], rows[1]), atol=1e-5)


def test_measurements_finding_and_note_are_in_the_report(files, tmp_path):
    author = ReportAuthor("Roe^Richard", "lesion-pairs-t1t2", "1.2.0")
    written = write(tmp_path, [pair()], files, author=author)
    (t1,), (t2,) = (groups(written.paths[side]) for side in ("t1", "t2"))
    assert value(t1, codes.SCT.LongAxis) == pytest.approx(3.0)
    assert value(t1, codes.SCT.Volume) == pytest.approx(np.pi / 6 * 2.5 * 3.0 * 7.0 / 1000)
    assert "Estimated from the box of the lesion" in pydicom.dcmread(written.paths["t1"]).to_json()
    assert value(t1, codes.DCM.CertaintyOfFinding) == pytest.approx(93.0)
    assert value(t2, codes.DCM.CertaintyOfFinding) is None
    assert t1.finding_type == codes.SCT.Lesion
    assert [site.value for site in t1.finding_sites] == [codes.SCT.Liver]
    texts = {side: said(path) for side, path in written.paths.items()}
    assert all({"Lésion à contrôler", "Roe^Richard"} <= text for text in texts.values())
    assert {"lesion-pairs-t1t2", "1.2.0"} <= texts["t1"]
    assert "lesion-pairs-t1t2" not in texts["t2"]


def test_predicted_boxes_and_rejected_lesions_are_left_out_and_said_so(files, tmp_path):
    pairs = [
        marked(pair(1), Side.T2, origin="predicted"),
        pair(2, uid="two", state="rejected"),
        without(pair(3, uid="three"), Side.T1),
    ]
    written = write(tmp_path, pairs, files)
    assert [g.tracking_identifier for g in groups(written.paths["t1"])] == ["Lesion 1"]
    assert [g.tracking_identifier for g in groups(written.paths["t2"])] == ["Lesion 3"]
    assert written.notes == [
        "1 lesion was left out because rejected.",
        "1 lesion was left out of the T2 report because only predicted there.",
    ]


def test_a_report_is_complete_when_nothing_is_merely_proposed(files, tmp_path):
    for state, flag in (("accepted", "COMPLETE"), ("proposed", "PARTIAL")):
        written = write(tmp_path, [pair(), pair(2, uid="two", state=state)], files)
        assert pydicom.dcmread(written.paths["t1"]).CompletionFlag == flag


def test_a_series_without_lesions_has_no_report_and_a_study_without_lesions_is_refused(files, tmp_path):
    written = write(tmp_path / "out", [without(pair(), Side.T2)], files)
    assert list(written.paths) == ["t1"]
    assert written.notes == ["No lesion was seen in T2, so there is no report on it."]
    with pytest.raises(InputError, match="no lesion to report"):
        write(tmp_path / "none", [pair(state="rejected")], files)
    assert not (tmp_path / "none").exists()


def test_a_volume_that_is_not_from_dicom_is_refused_and_nothing_is_written(files, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match="^T2 was not loaded from DICOM files, and a structured report has to refer"):
        write(out, [pair()], files | {"t2": []})
    with pytest.raises(InputError, match="T1 was not loaded from DICOM"):
        write(out, [pair()], {"t1": None, "t2": None})
    nifti = tmp_path / "t2.nii.gz"
    nifti.write_bytes(b"not DICOM")
    with pytest.raises(InputError, match=r"T2 was not loaded from DICOM files: 't2.nii.gz'"):
        write(out, [pair()], files | {"t2": [nifti]})
    with pytest.raises(InputError, match="no longer there"):
        write(out, [pair()], files | {"t1": [tmp_path / "gone.dcm"]})
    assert not out.exists()


def test_where_there_is_only_one_volume_it_is_reported_alone(files, tmp_path):
    alone = without(pair(), Side.T2)
    assert list(write(tmp_path, [alone], files | {"t2": None}).paths) == ["t1"]


def test_a_box_outside_its_series_is_refused_and_no_report_is_left_half_done(files, tmp_path):
    out = tmp_path / "out"
    for shift in ((0, 0, 40.0), (30.0, 0, 0)):
        with pytest.raises(InputError, match="The T2 box of lesion 4 lies outside the DICOM series of T2"):
            write(out, [marked(pair(4), Side.T2, box=BOX.moved(shift))], files)
    assert not out.exists() or not list(out.iterdir())


def test_a_thin_box_between_two_slices_belongs_to_the_nearer_one(files, tmp_path):
    thin = Box((-7.5, -18.5, 4.0), (2.5, 3.0, 1.0))
    (group,) = groups(write(tmp_path, [marked(pair(), Side.T1, box=thin)], files).paths["t1"])
    (region,) = group.roi
    heights = {pydicom.dcmread(f).SOPInstanceUID: pydicom.dcmread(f).ImagePositionPatient[2] for f in files["t1"]}
    assert heights[region.ContentSequence[0].referenced_sop_instance_uid] == 3.0


def test_a_box_reaching_out_of_the_image_is_cut_at_its_border(files, tmp_path):
    wide = Box((-7.5, -18.5, 4.0), (60.0, 3.0, 7.0))
    (group,) = groups(write(tmp_path, [marked(pair(), Side.T1, box=wide)], files).paths["t1"])
    outline = group.roi[0].value
    assert (outline[:, 0].min(), outline[:, 0].max()) == pytest.approx((0.0, 6.0))


def test_a_box_keeps_its_place_on_coronal_slices(tmp_path):
    """Coronal slices at y = -20, -23, ...: x right to left in columns, z downwards in rows."""
    t1 = [
        write_slice(tmp_path / f"{n}.dcm", 0, n, ImageOrientationPatient=CORONAL, ImagePositionPatient=[-10, y, 30])
        for n, y in enumerate((-20.0, -23.0, -26.0))
    ]
    box = Box((-7.5, -23.0, 27.0), (2.5, 4.5, 2.0), (1, 0, 0, 0, 0, 1, 0, -1, 0))
    alone = without(marked(pair(), Side.T1, box=box), Side.T2)
    (group,) = groups(write_structured_reports(tmp_path, [alone], t1, None).paths["t1"])
    (region,) = group.roi
    columns, rows = region.value.T
    assert (columns.min(), columns.max()) == pytest.approx((1.5, 3.5))
    assert (rows.min(), rows.max()) == pytest.approx((1.0, 4.0))
    assert value(group, codes.SCT.LongAxis) == pytest.approx(2.5)


def test_frames_of_a_multi_frame_file_are_named(tmp_path):
    """Its frames run from the highest slice down: the slice at z = 3 is the second frame."""
    t1 = write_enhanced(tmp_path / "enhanced.dcm", echoes=(2.3,))
    alone = without(marked(pair(), Side.T1, box=Box((-7.5, -18.5, 3.0), (2.5, 3.0, 2.0))), Side.T2)
    (group,) = groups(write_structured_reports(tmp_path, [alone], [t1], None).paths["t1"])
    (region,) = group.roi
    source = region.ContentSequence[0]
    assert source.referenced_sop_instance_uid == pydicom.dcmread(t1).SOPInstanceUID
    assert source.referenced_frame_numbers == [2]


def test_the_series_that_liverpair_lists_can_be_handed_over(files, tmp_path):
    (series,) = list_series(files["t1"][0].parent)
    alone = without(pair(), Side.T2)
    assert len(groups(write_structured_reports(tmp_path, [alone], series.files, None).paths["t1"])) == 1


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (lambda f: write_stack(f / "a") + write_stack(f / "b", SeriesInstanceUID="1.2.9"), "several series"),
        (lambda f: write_stack(f / "a") + write_stack(f / "b", EchoTime=2.3), "several images of one place"),
        (lambda f: [write_enhanced(f / "e.dcm")], "several images of one place"),
        (lambda f: write_stack(f / "a", SOPInstanceUID="1.2.3.4.5"), "share one SOP instance UID"),
        (
            lambda f: [
                write_slice(f / f"{n}.dcm", n, n, ImageOrientationPatient=o) for n, o in enumerate((AXIAL, CORONAL))
            ],
            "not parallel",
        ),
    ],
)
def test_files_that_are_not_one_volume_are_refused(tmp_path, files, sentence):
    alone = without(pair(), Side.T2)
    with pytest.raises(InputError, match=sentence):
        write_structured_reports(tmp_path / "out", [alone], files(tmp_path), None)
    assert not (tmp_path / "out").exists()


def test_copies_of_a_slice_count_once(files, tmp_path):
    copy = tmp_path / "copy.dcm"
    copy.write_bytes(files["t1"][0].read_bytes())
    assert len(groups(write(tmp_path, [pair()], files | {"t1": [*files["t1"], copy]}).paths["t1"])[0].roi) == 2


def test_headers_without_a_patient_or_with_a_strange_sex_are_no_obstacle(tmp_path):
    bare = write_stack(tmp_path / "bare", PatientSex="X")
    alone = without(pair(), Side.T2)
    report = pydicom.dcmread(write_structured_reports(tmp_path, [alone], bare, None).paths["t1"])
    assert (report.PatientID, report.PatientSex) == ("", "")


def test_two_patient_ids_are_mentioned(files, tmp_path):
    other = write_stack(tmp_path / "other", PatientID="P2", SeriesInstanceUID="1.2.3.9")
    (note,) = write(tmp_path, [pair()], files | {"t2": other}).notes
    assert "different patient IDs" in note


def test_a_failed_export_leaves_the_last_reports_as_they_were(files, tmp_path):
    first = write(tmp_path / "out", [pair()], files)
    before = {path: path.read_bytes() for path in first.paths.values()}
    with pytest.raises(InputError):
        write(tmp_path / "out", [marked(pair(), Side.T2, box=BOX.moved((0, 0, 90.0)))], files)
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_tracking_uid_is_the_uuid_of_the_pair_and_valid_for_any_uid():
    assert tracking_uid(UID) == f"2.25.{uuid.UUID(UID).int}"
    others = [tracking_uid(text) for text in ("a", "b", "lesion 1 of study “x”")]
    assert len(set(others)) == 3
    assert all(made.is_valid for made in others)
    assert tracking_uid("a") == others[0]


def test_without_highdicom_only_the_report_says_so(files, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    monkeypatch.delitem(sys.modules, "liverpair.io.structured_report_content", raising=False)
    monkeypatch.delattr("liverpair.io.structured_report_content", raising=False)
    with pytest.raises(MissingPackageError, match="highdicom"):
        write(tmp_path / "out", [pair()], files)
    assert not (tmp_path / "out").exists()


def test_real_series_are_reported_even_when_two_share_one_uid(data_folder, tmp_path):
    """In and out phase under one series UID, told apart by `list_series`; each rectangle lies around the box."""
    published = list_series(data_folder / "chaos_dicom" / "21" / "as_published")
    series = max((s for s in published if s.echo_time is not None), key=lambda s: -s.echo_time)
    assert sum(s.uid == series.uid for s in published) == 2
    grid = Grid(series.size, series.spacing, series.origin, series.direction)
    index = np.array([100.0, 120.0, 15.0])
    sides = (10.0, 8.0, 2.4)
    box = Box(tuple(grid.point(index)), tuple(n * s for n, s in zip(sides, series.spacing)), series.direction)
    alone = without(marked(pair(), Side.T1, box=box), Side.T2)
    (group,) = groups(write_structured_reports(tmp_path, [alone], series.files, None).paths["t1"])
    instances = [pydicom.dcmread(series.files[k]).SOPInstanceUID for k in (14, 15, 16)]
    assert {r.ContentSequence[0].referenced_sop_instance_uid for r in group.roi} == set(instances)
    for region in group.roi:
        assert region.value.min(axis=0) == pytest.approx((95.5, 116.5), abs=1e-3)
        assert region.value.max(axis=0) == pytest.approx((105.5, 124.5), abs=1e-3)
