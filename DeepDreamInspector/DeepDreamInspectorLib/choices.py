"""What the user has chosen, in the words of the job "dream", and why it cannot be run."""

from collections.abc import Iterable, Sequence
from typing import Any

from slicer import vtkMRMLSegmentationNode
from slicer.i18n import tr as _

from DeepDreamInspectorLib.placing import placed, pointsMm, volumeAt, volumeOfBox
from liverpair.bundle import Bundle
from liverpair.core.errors import InputError
from liverpair.core.sides import Side
from liverpair.core.trajectories import RUN_KINDS
from liverpair.dreaming.dream_settings import DreamSettings
from liverpair.jobs.dream_request import dimensions_of
from liverpair.measures.feature_names import default_features, feature_groups
from liverpair.mrml import segmentations
from liverpair.mrml.lesions.lesion_boxes import box_of
from liverpair.mrml.volumes import world_grid
from LiverPairLib import inputs
from LiverPairLib.inputs import VolumeChecks, Volumes

POINTS, BOX, LIVER = "points", "box", "liver"
"""Where the neurons are: `place` of the parameter node."""
RANDOM_WEIGHTS, RANDOM_DIRECTION = RUN_KINDS[1:]


def acceptedSides(bundle: Bundle) -> list[str]:
    """The sides that a model can be given."""
    return [side for side in Side if any(side.title in text for text in bundle.inputs)]


def modelsFor(bundles: dict[str, Bundle], sides: Iterable[Side]) -> list[str]:
    """The names of the models, of `bundles` by name, that can run with volumes of just these sides."""
    return [name for name in bundles if inputs.modelDefect(name, bundles, sides) is None]


def noSliceModel(parameterNode: Any, bundle: Bundle, bundles: dict[str, Bundle]) -> str:
    """A sentence where T2 is to be dreamt on and no installed model of single slices takes it; else ""."""
    given = inputs.volumesOf(parameterNode)
    isT2 = dreamtSide(parameterNode, bundle) is Side.T2 or (given[Side.T1] is None and given[Side.T2] is not None)
    of_slices = [each for each in bundles.values() if dimensions_of(each) == 2]
    if not isT2 or any(Side.T2 in acceptedSides(each) for each in of_slices):
        return ""
    return _("No installed model works on single slices of T2: a dream on T2 changes the whole volume.")


def givenVolumes(parameterNode: Any, bundle: Bundle) -> Volumes:
    """The chosen volume nodes, by side, that the model can be given."""
    accepted = acceptedSides(bundle)
    return {side: node for side, node in inputs.givenVolumes(parameterNode).items() if side in accepted}


def dreamtSide(parameterNode: Any, bundle: Bundle) -> str | None:
    """The side whose image is dreamt on and measured; None when there is no volume."""
    given = givenVolumes(parameterNode, bundle)
    return next((side for side in given if side == parameterNode.side), next(iter(given), None))


def sentVolumes(parameterNode: Any, bundle: Bundle) -> Volumes:
    """The volume nodes, by side, that a dream needs: both for a model that sees both, else one."""
    given = givenVolumes(parameterNode, bundle)
    side = dreamtSide(parameterNode, bundle)
    return given if len(bundle.inputs) > 1 else {side: given[side]} if given else {}


def options(parameterNode: Any, bundle: Bundle) -> dict[str, Any]:
    """The options of the job that are chosen; raises InputError for values that do not go together."""
    return {
        **settingsOf(parameterNode).as_dict(),
        **startsOf(parameterNode),
        "features": featuresOf(parameterNode, dimensions_of(bundle)),
        "baselines": baselinesOf(parameterNode),
        **({"sanity": True} if parameterNode.sanity else {}),
        "device": parameterNode.device,
    }


def settingsOf(parameterNode: Any) -> DreamSettings:
    """The `DreamSettings` that are chosen; raises InputError for values that do not go together."""
    return DreamSettings(
        direction=parameterNode.direction,
        activation=parameterNode.activation,
        gradient=parameterNode.gradient,
        step=parameterNode.step,
        iterations=parameterNode.iterations,
        patience=parameterNode.patience,
        minimum_gain=parameterNode.minimumGainPercent / 100,
        frames=framesOf(parameterNode.frames),
        every=parameterNode.framesEvery,
        seed=parameterNode.seed,
    )


def framesOf(text: str) -> tuple[int, ...]:
    """The iterations in a text such as "0, 120, 250"; raises InputError for anything else."""
    words = text.replace(",", " ").split()
    wrong = [word for word in words if not word.isdecimal()]
    if wrong:
        raise InputError(
            _("'{word}' is not an iteration.").format(word=wrong[0]), _("Separate the frames' iterations by commas.")
        )
    return tuple(int(word) for word in words)


def baselinesOf(parameterNode: Any) -> list[str]:
    """The kinds of run that are to be dreamt beside the dream itself."""
    chosen = {RANDOM_WEIGHTS: parameterNode.randomWeights, RANDOM_DIRECTION: parameterNode.randomDirection}
    return [kind for kind, isChosen in chosen.items() if isChosen]


def featuresOf(parameterNode: Any, dimensions: int) -> list[str]:
    """The chosen features that there are in 2 or 3 dimensions; the default ones when none is."""
    groups = feature_groups(dimensions).values()
    chosen = set(parameterNode.features.split())
    return [name for group in groups for name in group if name in chosen] or list(default_features(dimensions))


def startsOf(parameterNode: Any) -> dict[str, Any]:
    """The neurons as the job takes them (`starts`, `random_starts`), in world LPS mm.

    Raises InputError when there is none, or the box is none.
    """
    if parameterNode.place == LIVER:
        return {"starts": [], "random_starts": parameterNode.randomStarts}
    if parameterNode.place == BOX:
        if parameterNode.box is None:
            raise InputError(_("Choose a box, or draw a new one."))
        box = box_of(parameterNode.box)
        measures = {"center_mm": box.center_mm, "size_mm": box.size_mm, "direction": box.direction}
        starts = [{"box": {name: list(map(float, values)) for name, values in measures.items()}}]
    else:
        starts = [{"point_mm": list(point)} for point in pointsOf(parameterNode)]
        if not starts:
            raise InputError(_("Place a point: press 'Place a point' and click in a slice view."))
    return {"starts": starts, "random_starts": 0}


def pointsOf(parameterNode: Any) -> list[Sequence[float]]:
    """The placed points in world LPS mm."""
    return pointsMm(parameterNode.points) if parameterNode.points is not None else []


def statusChoices(parameterNode: Any) -> tuple[list | None, list | None]:
    """What a result speaks of, the dream on the screen, and what a failure does: all that is chosen for a dream."""
    if parameterNode is None:
        return None, None
    kept = parameterNode.parameterNode
    values = {name: kept.GetParameter(name) for name in kept.GetParameterNames()}
    try:
        starts = startsOf(parameterNode)
    except InputError:
        starts = None
    chosen = inputs.statusChoices(parameterNode, "t1Liver", "t2Liver", "dreamTable")[1]
    return [parameterNode.dreamTable], [*chosen, values, starts]


def reasonNotToDream(parameterNode: Any, bundles: dict[str, Bundle], checks: VolumeChecks) -> str | None:
    """One sentence about why these choices cannot be run, or None. `bundles` are the installed models by name, `checks`
    a `VolumeChecks`.
    """
    if parameterNode is None:
        return _("Choose a model and a volume.")
    bundle = bundles.get(parameterNode.model)
    given = givenVolumes(parameterNode, bundle) if bundle is not None else {}
    reason = inputs.modelDefect(parameterNode.model, bundles, given)
    if reason is not None:
        return reason
    if not given:
        accepted = _(" or a ").join(side.title for side in acceptedSides(bundle))
        return _("Choose a {sides} volume.").format(sides=accepted)
    sent = sentVolumes(parameterNode, bundle)
    reason = inputs.volumeDefect(parameterNode, sent, checks)
    for side in sent:
        reason = reason or _liverDefect(getattr(parameterNode, f"{side}Liver"), side)
    reason = reason or inputs.displacedLiver(parameterNode, sides=sent)
    if reason:
        return reason
    try:
        startsOf(parameterNode)
        settingsOf(parameterNode)
    except InputError as error:
        return str(error)
    side = dreamtSide(parameterNode, bundle)
    return _placedInTheOther(parameterNode, side) or _pointOutside(parameterNode, side)


def _liverDefect(liver: vtkMRMLSegmentationNode | None, side: Side) -> str | None:
    if liver is None or segmentations.has_segment(liver):
        return None
    return _("The liver segmentation of {side} has no segment called Liver.").format(side=side.title)


def _placedInTheOther(parameterNode: Any, side: Side) -> str | None:
    """A sentence about the first neuron that was placed in the other image of the pair, or None: the two are not
    registered.
    """
    elsewhere = inputs.volumeOf(parameterNode, side.other)
    words = {"other": side.other.title, "side": side.title}
    if elsewhere is None:
        return None
    if parameterNode.place == BOX and volumeOfBox(parameterNode.box) is elsewhere:
        return _("The box was drawn in {other}, but the dream is on {side}. Draw one in a view of {side}.").format(
            **words
        )
    points = placed(parameterNode.points) if parameterNode.place == POINTS else []
    for number, point in enumerate(points, start=1):
        if volumeAt(parameterNode.points, point) is elsewhere:
            return _(
                "Point {number} was placed in {other}, but the dream is on {side}. Place one in a view of {side}."
            ).format(number=number, **words)
    return None


def _pointOutside(parameterNode: Any, side: Side) -> str | None:
    """A sentence about the first point that lies outside of the volume, or None."""
    if parameterNode.place != POINTS:
        return None
    grid = world_grid(inputs.volumeOf(parameterNode, side))
    for number, point in enumerate(pointsOf(parameterNode), start=1):
        index = grid.index(point)
        if not all(-0.5 <= i < n - 0.5 for i, n in zip(index, grid.size)):
            return _("Point {number} lies outside of {side}.").format(number=number, side=side.title)
    return None
