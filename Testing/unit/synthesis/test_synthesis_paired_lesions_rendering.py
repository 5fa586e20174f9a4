"""Paired lesions in images: contrast, boxes, displacement, and what must stay as it was."""

from dataclasses import replace

import numpy as np
import paired_lesions_factory as factory
import pytest
import SimpleITK as sitk

from liverpair.core.errors import InputError
from liverpair.core.geometry import Grid
from liverpair.core.lesions import lesions_from_json, lesions_to_json
from liverpair.core.sides import Side
from liverpair.synthesis.lesion_shapes import KINDS, LesionShape
from liverpair.synthesis.paired_lesions import LesionStatistics, draw_paired_lesions
from liverpair.synthesis.paired_lesions_rendering import LiverCanvas, paint_pair

STATISTICS = LesionStatistics(mean_count=10.0, count_spread=0.05, single_share=0.4)


def _array(image: sitk.Image) -> np.ndarray:
    return sitk.GetArrayFromImage(image)


@pytest.fixture(scope="module")
def canvases():
    t1_liver, t2_liver = factory.livers()
    return (
        LiverCanvas(factory.image(t1_liver, 1), t1_liver, Side.T1),
        LiverCanvas(factory.image(t2_liver, 2), t2_liver, Side.T2),
    )


@pytest.fixture(scope="module")
def lesions():
    return draw_paired_lesions(*factory.livers(), factory.correspondence(), 5, STATISTICS)


@pytest.fixture(scope="module")
def pair(canvases, lesions):
    return paint_pair(*canvases, lesions)


def _ball(canvas: LiverCanvas, **changes) -> LesionShape:
    center = (-20.0, 5.0, 10.0) if canvas.side == Side.T1 else factory.true_map().TransformPoint((-20.0, 5.0, 10.0))
    plain = LesionShape(number=1, kind="cyst", center_mm=center, radii_mm=(13.0, 13.0, 13.0), irregularity=0.0, seed=5)
    return replace(plain, **changes)


def test_the_local_level_follows_the_shading_of_the_liver(canvases):
    canvas = canvases[0]
    ratio = canvas.values[canvas.liver] / canvas.level[canvas.liver]
    assert abs(np.median(ratio) - 1) < 0.02
    assert canvas.texture == pytest.approx(5.0 / factory.LIVER_LEVEL, rel=0.3)
    across = [np.median(canvas.level[:, :, x][canvas.liver[:, :, x]]) for x in (20, 60)]
    assert across[1] / across[0] > 1.15


@pytest.mark.parametrize("kind", KINDS)
def test_contrast_of_each_kind_has_the_sign_of_the_table(canvases, kind):
    contrasts = {canvas.side: [] for canvas in canvases}
    for canvas in canvases:
        for seed in range(6):
            contrasts[canvas.side].append(canvas.paint([_ball(canvas, kind=kind, seed=seed)]).contrast[1])
    assert min(contrasts[Side.T2]) > 0.1
    if kind != "hcc":
        assert max(contrasts[Side.T1]) < -0.08
    else:
        assert np.ptp(contrasts[Side.T1]) > 0.1


def test_t2_brightness_orders_the_kinds(canvases):
    t2 = canvases[1]
    mean = {
        kind: np.mean([t2.paint([_ball(t2, kind=kind, seed=seed)]).contrast[1] for seed in range(6)]) for kind in KINDS
    }
    assert mean["cyst"] > mean["haemangioma"] > max(mean["metastasis"], mean["hcc"])


def test_nothing_changes_outside_the_lesions(canvases, pair, lesions):
    for canvas, image, side in zip(canvases, (pair.t1, pair.t2), Side, strict=True):
        assert image.GetPixelID() == canvas.image.GetPixelID() and Grid.of(image).same_as(Grid.of(canvas.image))
        changed = _array(image) != _array(canvas.image)
        assert changed.any() and not (changed & ~canvas.liver).any()
        near = np.zeros_like(changed)
        for lesion in lesions:
            center, reach = getattr(lesion, side).center_mm, getattr(lesion, side).reach_mm
            index = np.stack(np.meshgrid(*(np.arange(n) for n in near.shape), indexing="ij")[::-1], axis=-1)
            offsets = (index - canvas.grid.index(center)) * canvas.grid.spacing
            near |= np.linalg.norm(offsets, axis=-1) <= reach + canvas.grid.spacing[2]
        assert not (changed & ~near).any()


def test_neighbors_leave_each_other_whole(canvases):
    for canvas in canvases:
        first = _ball(canvas)
        second = _ball(canvas, number=2, seed=6, center_mm=tuple(np.add(first.center_mm, (22.0, 22.0, 4.0))))
        original = _array(canvas.image).astype(int)
        alone = [_array(canvas.paint([one]).image) - original for one in (first, second)]
        assert not ((alone[0] != 0) & (alone[1] != 0)).any()
        assert (_array(canvas.paint([first, second]).image) - original == alone[0] + alone[1]).all()


def test_painting_leaves_the_canvas_and_repeats_itself(canvases, lesions, pair):
    before = canvases[0].values.copy()
    again = paint_pair(*canvases, lesions)
    assert (canvases[0].values == before).all()
    assert (_array(again.t1) == _array(pair.t1)).all() and (_array(again.t2) == _array(pair.t2)).all()
    assert again.pairs == pair.pairs


def test_a_lesion_of_one_sequence_leaves_the_other_as_it_was(canvases, pair, lesions):
    single = [lesion for lesion in lesions if len(lesion.visible) == 1]
    assert single
    linked = {one.uid: one for one in pair.pairs}
    for lesion in single:
        hidden = Side.T1 if lesion.visible == (Side.T2,) else Side.T2
        canvas = canvases[0] if hidden == Side.T1 else canvases[1]
        alone = canvas.paint([getattr(lesion, hidden)])
        assert (_array(alone.image) == _array(canvas.image)).all()
        assert linked[lesion.uid].missing is hidden


def test_labels_lie_in_the_liver_and_boxes_are_tight_around_them(canvases, lesions):
    for canvas, side in zip(canvases, Side, strict=True):
        painted = canvas.paint([getattr(lesion, side) for lesion in lesions])
        labels = _array(painted.labels)
        assert not labels[~canvas.liver].any()
        assert set(np.unique(labels)) - {0} == set(painted.boxes) == {lesion.number for lesion in lesions}
        for number, box in painted.boxes.items():
            voxels = np.argwhere(labels == number)[:, ::-1]
            middle, half = canvas.grid.index(box.center_mm), np.divide(box.size_mm, canvas.grid.spacing) / 2
            assert (np.abs(middle - half - (voxels.min(axis=0) - 0.5)) <= 1.51).all()
            assert (np.abs(middle + half - (voxels.max(axis=0) + 0.5)) <= 1.51).all()
            assert box.direction == canvas.grid.direction


def test_the_box_of_a_ball_has_its_diameter_and_center(canvases):
    for canvas in canvases:
        box = canvas.paint([_ball(canvas)]).boxes[1]
        assert np.abs(np.subtract(box.size_mm, 26.0)).max() < 1.2 * canvas.grid.spacing[0]
        assert np.linalg.norm(np.subtract(box.center_mm, _ball(canvas).center_mm)) < 2.5


def test_displacement_leads_from_box_to_box_and_agrees_with_the_map(pair):
    apart = []
    for one, lesion in zip(pair.pairs, pair.lesions, strict=True):
        if not one.missing:
            assert np.allclose(one.displacement_mm, one.measured_mm)
        expected = factory.correspondence().displacement(np.array(lesion.t1.center_mm))
        apart.append(np.linalg.norm(np.array(one.displacement_mm) - expected))
    assert np.median(apart) < 4.0 and max(apart) < 12.0


def test_thick_slices_weaken_a_small_lesion(canvases):
    canvas = canvases[1]
    contrast = [canvas.paint([_ball(canvas, radii_mm=(r, r, r))]).contrast[1] for r in (2.6, 13.0)]
    assert 0 < contrast[0] < 0.75 * contrast[1]


def test_a_lesion_washed_out_in_both_images_is_no_pair(canvases, lesions, monkeypatch):
    monkeypatch.setattr("liverpair.synthesis.paired_lesions_rendering.LEAST_CONSPICUITY", np.inf)
    nothing = paint_pair(*canvases, lesions)
    assert nothing.pairs == [] and nothing.lesions == ()


def test_pairs_survive_the_lesion_file(pair):
    assert lesions_from_json(lesions_to_json(pair.pairs)) == pair.pairs
    assert all(one.state == "accepted" and one.note.startswith("synthetic ") for one in pair.pairs)


def test_masks_that_do_not_fit_are_refused():
    t1_liver, t2_liver = factory.livers()
    with pytest.raises(InputError, match="T1 liver mask is not on the grid"):
        LiverCanvas(factory.image(t1_liver, 1), t2_liver, Side.T1)
    with pytest.raises(InputError, match="T2 liver mask is empty"):
        LiverCanvas(factory.image(t2_liver, 1), t2_liver * 0, Side.T2)
