"""Lesions linked from visit to visit, where the truth is known."""

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from lesion_factory import detected, drawn, lesion_of, predicted

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box
from liverpair.core.sides import Side
from liverpair.registration.livers import LiverCorrespondence
from liverpair.registration.visits import VisitSettings, link_visits

OFFSET = (6.0, -4.0, 25.0)


def lesions(centers, sizes=None, prefix="a", sides=(Side.T1, Side.T2)):
    """Lesions at these places in T1, and 30 mm higher in T2."""
    made = []
    for n, center in enumerate(centers, start=1):
        size = (12.0,) * 3 if sizes is None else (sizes[n - 1],) * 3
        boxes = {side: drawn(Box(tuple(np.add(center, (0, 0, 30.0 * (side is Side.T2)))), size)) for side in sides}
        made.append(lesion_of(n, boxes.get(Side.T1), boxes.get(Side.T2), uid=f"{prefix}{n}"))
    return made


def moved(centers, seed=0, noise=2.0):
    """The same places at the next visit: shifted, and bent by some millimeters."""
    rng = np.random.default_rng(seed)
    bent = np.asarray(centers) + OFFSET + 6.0 * np.sin(np.asarray(centers)[:, ::-1] / 40.0)
    return bent + rng.normal(0.0, noise, bent.shape)


def correspondences():
    return dict.fromkeys(Side, LiverCorrespondence(sitk.TranslationTransform(3, OFFSET), 0.95))


def uids(links):
    return {(link.earlier and link.earlier.uid, link.later and link.later.uid) for link in links}


@pytest.mark.parametrize("seed", range(5))
def test_every_lesion_is_found_again_in_whatever_order(seed):
    rng = np.random.default_rng(seed)
    centers = rng.uniform(-70, 70, (12, 3))
    before, now = lesions(centers), lesions(moved(centers, seed), prefix="b")
    shuffled = [now[k] for k in rng.permutation(len(now))]
    found = link_visits(before, shuffled, correspondences())
    right = {(f"a{n}", f"b{n}") for n in range(1, 13)}
    assert len(uids(found) & right) >= 11
    assert uids(link_visits(before[::-1], now, correspondences())) == uids(found)
    assert all(link.distance_mm < 3 * link.expected_mm for link in found if link.earlier and link.later)


def test_what_is_new_and_what_is_gone_stays_alone():
    centers = np.array([[0.0, 0, 0], [50, 0, 0], [0, 50, 0], [-50, 0, 20]])
    later = moved(centers, noise=0.5)[[0, 1, 3]]
    later = np.concatenate([later, [[60.0, 60.0, 60.0]]])
    links = link_visits(lesions(centers), lesions(later, prefix="b"), correspondences())
    assert uids(links) == {("a1", "b1"), ("a2", "b2"), ("a4", "b3"), (None, "b4"), ("a3", None)}
    assert [link.later and link.later.uid for link in links][-1] is None


def test_all_are_assigned_at_once_and_neighbors_correct_the_livers():
    """The registration is off everywhere, in just the direction in which two lesions lie 14 mm apart."""
    centers = np.array([[0.0, 0, 0], [14, 0, 0], [60, 0, 0], [-60, 0, 0], [0, 60, 0], [0, -60, 0]])
    right = {(f"a{n}", f"b{n}") for n in range(1, 7)}

    def linked(off_mm, settings):
        later = lesions(centers + OFFSET + (off_mm, 0.0, 0.0), prefix="b")
        return uids(link_visits(lesions(centers), later, correspondences(), settings=settings))

    one, two = VisitSettings(rounds=1), VisitSettings(rounds=2)
    assert linked(14.0, one) == right  # though b1 lies exactly where a2 is expected
    assert ("a2", "b1") in linked(20.0, one)
    assert linked(20.0, two) != right
    assert linked(20.0, VisitSettings()) == right


def test_a_large_lesion_may_move_its_center_as_it_shrinks():
    before, now = lesions([[0.0, 0, 0]], [70.0]), lesions([np.add(OFFSET, (22.0, 0, 0))], [20.0], "b")
    assert uids(link_visits(before, now, correspondences())) == {("a1", "b1")}
    small = lesions([[0.0, 0, 0]], [8.0]), lesions([np.add(OFFSET, (27.0, 0, 0))], [8.0], "b")
    assert uids(link_visits(*small, correspondences())) == {("a1", None), (None, "b1")}


def test_one_image_is_enough_and_a_predicted_box_weighs_less():
    before = lesions([[0.0, 0, 0]], sides=(Side.T1,))
    now = lesions([OFFSET], prefix="b")
    (link,) = link_visits(before, now, correspondences())
    assert link.distance_mm == pytest.approx(0.0)
    hinted = [replace(now[0], boxes={Side.T1: predicted(now[0].box(Side.T1)), Side.T2: now[0].boxes[Side.T2]})]
    (unsure,) = link_visits(before, hinted, correspondences())
    assert unsure.expected_mm > link.expected_mm
    other = lesions([OFFSET], prefix="c", sides=(Side.T2,))
    assert uids(link_visits(before, other, correspondences())) == {("a1", None), (None, "c1")}


def test_the_offset_of_the_livers_serves_where_nothing_was_registered():
    (link,) = link_visits(lesions([[0.0, 0, 0]]), lesions([OFFSET], prefix="b"), None, {Side.T1: OFFSET})
    assert (link.earlier.uid, link.later.uid) == ("a1", "b1")


def test_what_a_reader_linked_stays_linked():
    before = lesions([[0.0, 0, 0], [40.0, 0, 0]])
    now = lesions([OFFSET, np.add(OFFSET, (40.0, 0, 0))], prefix="b")
    crossed = [replace(now[0], earlier="a2"), now[1]]
    links = link_visits(before, crossed, correspondences())
    assert ("a2", "b1") in uids(links) and links[0].by_reader
    with pytest.raises(InputError, match="Lesions 1 and 2 both name lesion 2 of the visit before"):
        link_visits(before, [replace(one, earlier="a2") for one in now], correspondences())
    stale = [replace(now[0], earlier="nobody"), now[1]]
    assert ("a1", "b1") in uids(link_visits(before, stale, correspondences()))


def test_rejected_lesions_are_no_lesions():
    before = [replace(lesions([[0.0, 0, 0]])[0], state="rejected")]
    now = [lesion_of(1, detected(Box(OFFSET, (9.0,) * 3)), uid="b1")]
    assert uids(link_visits(before, now, correspondences())) == {(None, "b1")}
    assert link_visits([], [], correspondences()) == []
    with pytest.raises(InputError, match="above zero"):
        VisitSettings(limit=0.0)
