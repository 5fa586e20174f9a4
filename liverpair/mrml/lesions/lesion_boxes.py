"""One box of a lesion as one ROI node: what the node says, and between its own coordinates and the world.

The node is the truth. Attributes `LesionPair.*` say which lesion it shows and what is known of it; the uid stands also
in the description of the first control point, the only place that survives in a lone `.mrk.json`. The orientation of
the ROI is that of the image the box was drawn in, mirrored axes included.
"""

import uuid
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

import numpy as np
import slicer
import vtk

from liverpair.core.errors import InputError
from liverpair.core.geometry import Box, Vector
from liverpair.core.lesions import FARTHEST_MM, LARGEST_NUMBER, ORIGINS, SMALLEST_MM, STATES
from liverpair.core.sides import Side
from liverpair.mrml import frames

PREFIX = "LesionPair."
PARTNER = "lesionPairPartner"
VOLUME = "lesionPairVolume"
STUDY = "lesionPairStudy"
ROI_CLASS = "vtkMRMLMarkupsROINode"
PLAIN = "".join(map(chr, range(32, 127))).replace("%", "")
"""What an attribute keeps as it is; of anything else a scene file may lose some (a tab becomes a space)."""
SAME_PLACE_MM = 1e-4
SAME_ANGLE = 1e-8
"""One minus the cosine: about 0.01 degrees."""
SINGLE_PRECISION = 1e-6
"""ROI nodes keep their center in single precision: two places nearer than this may be one."""

Key = tuple[str, Side]
"""A uid and a side."""


@dataclass(frozen=True)
class BoxRecord:
    """What one node says, geometry in the node's own coordinates (RAS, mm).

    `axes` is the (3, 3) matrix, row by row, whose columns are the box's axes. State, number, note, displacement (RAS,
    from T1 to T2) and the uid of the visit before belong to the lesion: both boxes of a pair say the same. `mask` says
    which voxels are the lesion in this image (see `lesion_segments`), `findings`, of the lesion, its phases and reading
    as JSON.
    """

    center: Vector
    size: Vector
    axes: tuple[float, ...]
    origin: str
    score: float | None
    number: int
    state: str
    note: str
    displacement: Vector | None
    earlier: str | None = None
    mask: str | None = None
    findings: str | None = None

    def same_box(self, other: "BoxRecord") -> bool:
        """Whether both are the same box, as near as a node keeps it."""
        return near(self.center, other.center) and near(self.size, other.size) and same_axes(self.axes, other.axes)

    def of_lesion(self, other: "BoxRecord") -> "BoxRecord":
        """This box with what `other` says about the lesion."""
        shared = ("number", "state", "note", "displacement", "earlier", "findings")
        return replace(self, **{name: getattr(other, name) for name in shared})


def near(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two vectors in mm are the same as near as a node keeps them."""
    return all(abs(x - y) < SAME_PLACE_MM + SINGLE_PRECISION * abs(x) for x, y in zip(a, b))


def same_place(a: Box | None, b: Box | None) -> bool:
    """Whether two boxes are the same, as near as nodes keep them; also when there is none."""
    if a is None or b is None:
        return a is b
    return near(a.center_mm, b.center_mm) and near(a.size_mm, b.size_mm) and same_axes(a.direction, b.direction)


def same_axes(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two (3, 3) matrices, row by row, have the same columns but for their signs: Slicer turns mirrored axes
    round when it hardens a transform, which leaves the box the same."""
    cosines = (np.reshape(a, (3, 3)) * np.reshape(b, (3, 3))).sum(axis=0)
    return bool(np.abs(np.abs(cosines) - 1).max() < SAME_ANGLE)


def encode(text: str) -> str:
    """Any text as one that scene files keep: printable ASCII, the rest as percent escapes."""
    return quote(text, safe=PLAIN)


def decode(text: str) -> str:
    """What was encoded; U+FFFD stands for what nobody has encoded."""
    return unquote(text, errors="replace")


def new_uid() -> str:
    """A uid that no lesion has."""
    return str(uuid.uuid4())


def keys_of(uid: str, among: Container[Key]) -> list[Key]:
    """The boxes of a lesion that are `among` others, T1 first."""
    return [key for side in Side if (key := (uid, side)) in among]


def partner_of(key: Key) -> Key:
    """The box of the same lesion on the other side."""
    return key[0], key[1].other


def uid_of(node) -> str | None:
    """The uid of the lesion that a ROI node shows; None for a node that says nothing of a lesion.

    A node without attributes (from a lone `.mrk.json`) is asked by the description of its first control point.
    """
    text = node.GetAttribute(f"{PREFIX}UID")
    if not text and node.GetNumberOfControlPoints() and not node.GetAttribute(f"{PREFIX}Sequence"):
        text = node.GetNthControlPointDescription(0)
    return decode(text) if text else None


def side_of(node) -> Side | None:
    """Which image a ROI node says that it lies in; None when it says neither."""
    said = (node.GetAttribute(f"{PREFIX}Sequence") or "").lower()
    return next((side for side in Side if side == said), None)


def is_box(node) -> bool:
    """Whether a ROI node has a box: a center and three lengths, all in the bounds of `liverpair.core.lesions`."""
    if not node.GetNumberOfControlPoints() or node.GetROIType() != slicer.vtkMRMLMarkupsROINode.ROITypeBox:
        return False
    values = [*node.GetCenter(), *node.GetSize()]
    return all(abs(value) <= FARTHEST_MM for value in values) and min(node.GetSize()) >= SMALLEST_MM


def read(node) -> BoxRecord:
    """What a ROI node says now; what it does not say, or says in no way that LiverPair knows, gets the plain value."""
    axes = slicer.util.arrayFromVTKMatrix(node.GetObjectToNodeMatrix())[:3, :3]
    score, number = _number(node, "Score"), _number(node, "Number")
    state, origin = node.GetAttribute(f"{PREFIX}State"), node.GetAttribute(f"{PREFIX}Origin")
    displacement = _vector(node.GetAttribute(f"{PREFIX}Displacement"))
    return BoxRecord(
        center=tuple(node.GetCenter()),
        size=tuple(node.GetSize()),
        axes=tuple(axes.ravel().tolist()),
        origin=origin if origin in ORIGINS else "drawn",
        score=score if score is not None and 0 <= score <= 1 else None,
        number=int(number) if number is not None and 1 <= number <= LARGEST_NUMBER else 0,
        state=state if state in STATES else "proposed",
        note=decode(node.GetAttribute(f"{PREFIX}Note") or ""),
        displacement=displacement,
        earlier=decode(node.GetAttribute(f"{PREFIX}Earlier") or "").strip() or None,
        mask=decode(node.GetAttribute(f"{PREFIX}Mask") or "") or None,
        findings=decode(node.GetAttribute(f"{PREFIX}Findings") or "") or None,
    )


def write(node, key: Key, record: BoxRecord, before: BoxRecord | None = None) -> None:
    """Make a ROI node say what `record` does; what `before` says already is left alone. One event for all of it."""
    uid, side = key
    was_modifying = node.StartModify()
    try:
        if before is None or (before.center, before.size, before.axes) != (record.center, record.size, record.axes):
            _place(node, record)
        if before is None or before.number != record.number:
            node.SetName(f"Lesion {record.number} {side.title}")
            node.SetNthControlPointLabel(0, str(record.number))
        node.SetNthControlPointDescription(0, encode(uid))
        values = {
            "UID": encode(uid),
            "Sequence": side.title,
            "State": record.state,
            "Origin": record.origin,
            "Score": None if record.score is None else repr(float(record.score)),
            "Number": str(record.number),
            "Note": encode(record.note) or None,
            "Earlier": None if record.earlier is None else encode(record.earlier),
            "Mask": None if record.mask is None else encode(record.mask),
            "Findings": None if record.findings is None else encode(record.findings),
            "Displacement": None if record.displacement is None else " ".join(map(repr, record.displacement)),
        }
        for name, value in values.items():
            if node.GetAttribute(PREFIX + name) != value:
                node.SetAttribute(PREFIX + name, value)
    finally:
        node.EndModify(was_modifying)


def disown(node) -> None:
    """Take from a node all that says that it shows a lesion."""
    for name in list(node.GetAttributeNames() or ()):
        if name.startswith(PREFIX):
            node.RemoveAttribute(name)
    for role in (PARTNER, VOLUME, STUDY):
        node.RemoveNodeReferenceIDs(role)
    if node.GetNumberOfControlPoints():
        node.SetNthControlPointDescription(0, "")


def world_matrix(transform_node, what: str) -> np.ndarray:
    """(4, 4) matrix from below a transform node (None: none) to the world.

    Raises:
        InputError: when it warps or flattens; `what` is who the sentence speaks of.
    """
    if transform_node is None:
        return np.eye(4)
    if not transform_node.IsTransformToWorldLinear():
        raise InputError(
            f"{what} lies under the warping transform '{transform_node.GetName()}', which bends boxes.",
            "Take it out of the transform, or harden the transform on the volume.",
        )
    matrix = vtk.vtkMatrix4x4()
    transform_node.GetMatrixTransformToWorld(matrix)
    array = slicer.util.arrayFromVTKMatrix(matrix)
    if not np.isfinite(array).all() or abs(np.linalg.det(array)) < 1e-12:
        raise _flattened(what)
    return array


def to_world(record: BoxRecord, matrix: np.ndarray, what: str = "The box") -> Box:
    """The box in the world (LPS, mm) of a record under a transform.

    Raises:
        InputError: when the transform skews the box; `what` is who the sentence speaks of.
    """
    center = frames.flip(matrix[:3, :3] @ record.center + matrix[:3, 3])
    axes = np.reshape(record.axes, (3, 3))
    if np.array_equal(matrix[:3, :3], np.eye(3)):
        return Box(_floats(center), record.size, _floats((frames.LPS_TO_RAS @ axes).ravel()))
    size, axes = _stretched(matrix[:3, :3], np.asarray(record.size), axes, what)
    return Box(_floats(center), _floats(size), _floats((frames.LPS_TO_RAS @ axes).ravel()))


def from_world(box: Box, matrix: np.ndarray, what: str = "The box") -> tuple[Vector, Vector, tuple[float, ...]]:
    """Center, size and axes (RAS, mm) below a transform of a box in the world (LPS, mm).

    Raises:
        InputError: when the transform skews the box; `what` is who the sentence speaks of.
    """
    center, axes = np.array(frames.flip(box.center_mm)), frames.LPS_TO_RAS @ np.reshape(box.direction, (3, 3))
    if np.array_equal(matrix, np.eye(4)):
        return _floats(center), _floats(box.size_mm), _floats(axes.ravel())
    inverse = np.linalg.inv(matrix)
    size, axes = _stretched(inverse[:3, :3], np.asarray(box.size_mm, float), axes, what)
    return _floats(inverse[:3, :3] @ center + inverse[:3, 3]), _floats(size), _floats(axes.ravel())


def box_of(node) -> Box:
    """The box of any ROI node in the world (LPS, mm), its parent transforms applied.

    Raises:
        InputError: when the node has no box, or lies under a transform that warps or skews it.
    """
    what = f"ROI '{node.GetName()}'"
    if not is_box(node):
        raise InputError(f"{what} is not a box of three lengths above zero.", "Draw it again.")
    return to_world(read(node), world_matrix(node.GetParentTransformNode(), what), what)


def holds(box: Box, point_mm: Sequence[float]) -> bool:
    """Whether a point (LPS, mm) lies in the box or on its surface."""
    inside = np.reshape(box.direction, (3, 3)).T @ (np.asarray(point_mm, float) - box.center_mm)
    return bool((np.abs(inside) <= np.asarray(box.size_mm) / 2).all())


def _place(node, record: BoxRecord) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = np.reshape(record.axes, (3, 3))
    matrix[:3, 3] = record.center
    node.SetROIType(slicer.vtkMRMLMarkupsROINode.ROITypeBox)
    node.SetSize(*record.size)
    node.GetObjectToNodeMatrix().DeepCopy(matrix.ravel().tolist())
    node.SetCenter(*record.center)


def _stretched(linear: np.ndarray, size: np.ndarray, axes: np.ndarray, what: str) -> tuple[np.ndarray, np.ndarray]:
    edges = linear @ axes
    lengths = np.linalg.norm(edges, axis=0)
    if not np.isfinite(edges).all() or min(lengths) < 1e-6:
        raise _flattened(what)
    edges = edges / lengths
    if np.abs(edges.T @ edges - np.eye(3)).max() > 1e-3:
        raise InputError(
            f"{what} lies under a transform that skews it, so it is no longer a box.",
            "Take it out of the transform, or harden the transform on the volume.",
        )
    return size * lengths, edges


def _flattened(what: str) -> InputError:
    return InputError(f"{what} lies under a transform that flattens it.", "Correct the transform.")


def _floats(values) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _number(node, name: str) -> float | None:
    try:
        return float(node.GetAttribute(PREFIX + name))
    except (TypeError, ValueError):
        return None


def _vector(text: str | None) -> Vector | None:
    try:
        vector = _floats((text or "").split())
    except ValueError:
        return None
    return vector if len(vector) == 3 and np.isfinite(vector).all() else None
