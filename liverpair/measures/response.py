"""How lesions changed from visit to visit, and the response to treatment after RECIST 1.1 (Eisenhauer et al., European
Journal of Cancer 45, 2009), with the arithmetic in words.

Only the liver is seen here: a category of RECIST is one of the whole patient, and a reader's to give.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from liverpair.core.errors import InputError
from liverpair.measures.recist import RecistLimits

Change = Literal["stable", "grown", "shrunk", "new", "gone", "not measured"]
TargetResponse = Literal["CR", "PR", "SD", "PD", "none"]
OtherResponse = Literal["CR", "non-CR/non-PD", "PD", "none"]
Category = Literal["CR", "PR", "SD", "PD", "non-CR/non-PD", "no disease"]
WORDS: dict[str, str] = {
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progressive disease",
    "non-CR/non-PD": "neither complete response nor progression",
    "no disease": "no lesion at any visit",
}


@dataclass(frozen=True)
class ResponseLimits:
    """What counts as a change; the defaults are those of RECIST 1.1. Raises `InputError` for what cannot be.

    Attributes:
        targets: which lesions are followed.
        partial_percent: decrease of the sum from the baseline that is a partial response; of one diameter: "shrunk".
        progression_percent: increase of the sum over its smallest value so far (nadir) that is progression; of one
            diameter over the visit before: "grown".
        progression_mm: by so much it must have increased at least, besides.
        faint_mm: what a target counts that is there and too faint or small to be measured.
    """

    targets: RecistLimits = field(default_factory=RecistLimits)
    partial_percent: float = 30.0
    progression_percent: float = 20.0
    progression_mm: float = 5.0
    faint_mm: float = 5.0

    def __post_init__(self) -> None:
        values = (self.partial_percent, self.progression_percent, self.progression_mm, self.faint_mm)
        if not all(value >= 0 for value in values) or self.partial_percent > 100:
            raise InputError("The limits of a response must not be negative, and no lesion shrinks by over 100 %.")


@dataclass(frozen=True)
class Followed:
    """One lesion over all visits, in one image.

    Attributes:
        name: what a reader calls it, by its number when first seen: "1".
        diameters_mm: at each visit: 0 where it is not there, None where it is there and was not measured.
        confirmed: whether a reader drew or accepted it when it was first seen.
    """

    name: str
    diameters_mm: tuple[float | None, ...]
    confirmed: bool = True


@dataclass(frozen=True)
class Response:
    """The response at the last visit.

    Attributes:
        category: overall, of the liver.
        targets, others: of the target lesions and of the others ("none" where there are none).
        target_names, other_names, new_names: which lesions.
        sums_mm: of the targets' diameters at each visit.
        baseline_mm, nadir_mm: sum at the first visit, and the smallest before the last.
        arithmetic: how it was reckoned, a sentence a step.
        notes: what a reader should know before believing it.
    """

    category: Category
    targets: TargetResponse
    others: OtherResponse
    target_names: tuple[str, ...]
    other_names: tuple[str, ...]
    new_names: tuple[str, ...]
    sums_mm: tuple[float | None, ...]
    baseline_mm: float | None
    nadir_mm: float | None
    arithmetic: tuple[str, ...]
    notes: tuple[str, ...] = ()


def change_of(before_mm: float | None, now_mm: float | None, limits: ResponseLimits = ResponseLimits()) -> Change:
    """What became of one lesion between two visits; 0 mm where it is not there, None where it was not measured."""
    if before_mm == 0 and now_mm != 0:
        return "new"
    if now_mm == 0 and before_mm != 0:
        return "gone"
    if not before_mm or not now_mm:
        return "not measured"
    difference = now_mm - before_mm
    if _reached(difference, limits.progression_percent / 100 * before_mm) and _reached(
        difference, limits.progression_mm
    ):
        return "grown"
    return "shrunk" if _reached(-difference, limits.partial_percent / 100 * before_mm) else "stable"


def response(
    lesions: Sequence[Followed],
    limits: ResponseLimits = ResponseLimits(),
    slice_mm: float = 0.0,
    others_progress: bool = False,
) -> Response:
    """The response at the last of two or more visits, in one image of each.

    Args:
        lesions: every lesion that was there at a visit.
        limits: of RECIST.
        slice_mm: distance of the axial slices at the first visit, for what is measurable.
        others_progress: whether a reader sees unequivocal progression of lesions that are no targets; no diameter says.

    Raises `InputError` for fewer than two visits, or lesions of unequal numbers of visits.
    """
    visits = {len(lesion.diameters_mm) for lesion in lesions}
    if len(visits) > 1 or (visits and min(visits) < 2):
        raise InputError("A response takes two visits or more, and every lesion at all of them.")
    if not lesions:
        return Response("no disease", "none", "none", (), (), (), (), None, None, ("There is no lesion at any visit.",))
    there = [lesion for lesion in lesions if lesion.diameters_mm[0] != 0]
    new = [lesion for lesion in lesions if lesion.diameters_mm[0] == 0 and lesion.diameters_mm[-1] != 0]
    targets = _targets(there, limits, slice_mm)
    others = [lesion for lesion in there if lesion not in targets]
    sums, steps, notes = _sums(targets, limits)
    of_targets = _of_targets(targets, sums, limits, steps)
    of_others = _of_others(others, others_progress, steps)
    if new:
        steps.append(f"New: {_names(new)}. A new lesion is progression.")
        unsure = [lesion for lesion in new if not lesion.confirmed]
        if unsure:
            notes.append(
                f"No reader has confirmed {_names(unsure)}: a new lesion must be unequivocal to be progression."
            )
    category = _overall(of_targets, of_others, bool(new))
    steps.append(
        f"Targets {of_targets}, other lesions {of_others}, new lesions {'yes' if new else 'no'}: {category} "
        f"({WORDS[category]})."
    )
    known = [total for total in sums[:-1] if total is not None]
    return Response(
        category,
        of_targets,
        of_others,
        *(tuple(lesion.name for lesion in group) for group in (targets, others, new)),
        tuple(sums),
        sums[0] if sums else None,
        min(known, default=None),
        tuple(steps),
        tuple(notes),
    )


def _targets(there: Sequence[Followed], limits: ResponseLimits, slice_mm: float) -> list[Followed]:
    """The largest measurable lesions of the first visit, in the order given where they are equal."""
    smallest = limits.targets.smallest_mm(slice_mm)
    measurable = [lesion for lesion in there if (lesion.diameters_mm[0] or 0.0) >= smallest]
    ranked = sorted(measurable, key=lambda lesion: -lesion.diameters_mm[0])
    return ranked[: min(limits.targets.most, limits.targets.most_per_organ)]


def _sums(targets: Sequence[Followed], limits: ResponseLimits) -> tuple[list[float | None], list[str], list[str]]:
    steps: list[str] = []
    notes: list[str] = []
    if not targets:
        return [], ["No lesion of the first visit is large enough to be a target."], notes
    sums = []
    for visit in range(len(targets[0].diameters_mm)):
        counted = []
        for lesion in targets:
            diameter = lesion.diameters_mm[visit]
            if diameter is None:
                notes.append(
                    f"Lesion {lesion.name} was there at visit {visit + 1} and not measured: it counts "
                    f"{limits.faint_mm:g} mm."
                )
            counted.append(limits.faint_mm if diameter is None else diameter)
        sums.append(sum(counted))
        terms = " + ".join(f"{value:.1f}" for value in counted)
        equals = f"{terms} = {sums[-1]:.1f}" if len(counted) > 1 else terms
        steps.append(f"Visit {visit + 1}: {equals} mm ({_names(targets)}).")
    return sums, steps, notes


def _of_targets(
    targets: Sequence[Followed], sums: Sequence[float], limits: ResponseLimits, steps: list[str]
) -> TargetResponse:
    if not targets:
        return "none"
    baseline, nadir, now = sums[0], min(sums[:-1]), sums[-1]
    from_baseline, from_nadir = now - baseline, now - nadir
    of_baseline, of_nadir = (f"{100 * change / base:+.1f} %" if base else "–" for change, base in (
        (from_baseline, baseline), (from_nadir, nadir)))  # fmt: skip
    steps.append(f"From the baseline {baseline:.1f} mm to {now:.1f} mm: {from_baseline:+.1f} mm, {of_baseline}.")
    steps.append(f"From the nadir {nadir:.1f} mm to {now:.1f} mm: {from_nadir:+.1f} mm, {of_nadir}.")
    if now == 0:
        return "CR"
    least = max(limits.progression_percent / 100 * nadir, limits.progression_mm)
    if (nadir == 0 and now > 0) or (from_nadir > 0 and _reached(from_nadir, least)):
        wanted = f"{limits.progression_percent:g} % and {limits.progression_mm:g} mm over the nadir"
        steps.append(f"Progression takes {wanted}, or a target that comes back after all were gone: reached.")
        return "PD"
    if _reached(-from_baseline, limits.partial_percent / 100 * baseline):
        steps.append(f"A partial response takes {limits.partial_percent:g} % below the baseline: reached.")
        return "PR"
    return "SD"


def _of_others(others: Sequence[Followed], progress: bool, steps: list[str]) -> OtherResponse:
    if not others:
        return "PD" if progress else "none"
    there = [lesion for lesion in others if lesion.diameters_mm[-1] != 0]
    said = f"{_names(there)} still there" if there else "all gone"
    if progress:
        said = "unequivocal progression, as the reader says"
    steps.append(f"Other lesions ({_names(others)}): {said}.")
    return "PD" if progress else "non-CR/non-PD" if there else "CR"


def _overall(targets: TargetResponse, others: OtherResponse, new: bool) -> Category:
    """Tables 1 and 2 of RECIST 1.1."""
    if new or "PD" in (targets, others):
        return "PD"
    if targets == "none":
        return {"none": "no disease", "CR": "CR", "non-CR/non-PD": "non-CR/non-PD"}[others]
    if targets == "CR" and others == "non-CR/non-PD":
        return "PR"
    return targets


def _reached(value: float, limit: float) -> bool:
    """Whether a change reaches a limit, to the last digit that counts: 0.3 * 100 is 30."""
    return value >= limit - 1e-9


def _names(lesions: Sequence[Followed]) -> str:
    numbers = ", ".join(lesion.name for lesion in lesions)
    return f"lesion {numbers}" if len(lesions) == 1 else f"lesions {numbers}"


def agreement_note(categories: Mapping[str, str]) -> str:
    """A sentence when the images of a visit say different things; "" when they agree."""
    if len(set(categories.values())) < 2:
        return ""
    said = ", ".join(f"{image} {category}" for image, category in categories.items())
    return f"The images disagree: {said}. RECIST follows a lesion in the same kind of image at every visit."
