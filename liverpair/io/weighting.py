"""Which weighting an MR volume has, told from its name and its DICOM tags.

A guess helps a user to pick the right volume; it never decides anything. Where the evidence is thin or contradictory
the answer is None.
"""

import re
from collections.abc import Mapping

from liverpair.core.sides import Side

# "AX T2" is often written in one word; any other letters before T1 make it a part of a word ("part1", "patient2").
_PLANE = r"(?:ax|axi|axial|tra|trans|transverse|cor|coronal|sag|sagittal)?"
_WEIGHTING = re.compile(rf"(?<![a-z0-9]){_PLANE}t([12])(?!\d)(?:[a-z][a-z0-9]*)?(?![a-z0-9])")
_NEITHER = re.compile(
    rf"(?<![a-z0-9])(?:{_PLANE}t[12] ?(?:rho|star|\*|map|mapping|maps)|r2 ?star|r[12] ?map|"
    r"dwi|diffusion|adc|pdff|fat ?fraction|elastography|mre)(?![a-z0-9])"
)
_T1_WORDS = re.compile(
    r"\b(?:starvibe|vibe|lava|e?thrive|flash|fl[23]d|f?spgr|mprage|bravo|mdixon|dixon|tfl|ffe|dual|"
    r"(?:in|out|opp|opposed) ?(?:of )?phase|inphase|outphase)[a-z0-9]*\b"
)
_T2_WORDS = re.compile(
    r"\b(?:haste|h2d|spir|[rs]?tse|fr?fse|fse|blade|propeller|multivane|ssfse|ssh ?tse|ss ?tse|rare|stir|flair|mrcp)"
    r"[a-z0-9]*\b"
)
_TEXT_TAGS = ("SeriesDescription", "ProtocolName", "SequenceName")


def guess_sequence(name: str, tags: Mapping[str, str] | None = None) -> Side | None:
    """Guess whether a volume is T1- or T2-weighted.

    Args:
        name: Name of a node, file or series.
        tags: DICOM attributes by keyword (`SeriesDescription`, `ProtocolName`, `SequenceName`, `EchoTime`,
            `RepetitionTime` and `InversionTime` in ms, `FlipAngle` in degrees, `ScanningSequence`, `Modality`), as
            text. Any may be missing.

    The scanner's own words come first ("T2W" in the description), then echo and repetition time, then a weighting in
    `name`, and at last the names of sequences usual for one weighting ("VIBE", "HASTE"). Series of another contrast
    (T2*, T1rho, maps, diffusion, fat fraction) are neither.
    """
    tags = {key: str(value) for key, value in (tags or {}).items() if value is not None}
    if tags.get("Modality", "MR").strip().upper() not in ("MR", ""):
        return None
    described = [_words(tags[key]) for key in _TEXT_TAGS if tags.get(key)]
    named = _words(name)
    if any(_NEITHER.search(text) for text in [*described, named]):
        return None
    for guess in (
        *map(_weighting, described),
        _from_timing(tags),
        _weighting(named),
        *map(_usual_for, [*described, named]),
    ):
        if guess:
            return guess
    return None


def sequence_warning(
    t1_name: str | None,
    t1_tags: Mapping[str, str] | None,
    t2_name: str | None,
    t2_tags: Mapping[str, str] | None,
    same: bool,
) -> str | None:
    """One sentence when the volumes chosen as T1 and T2 look wrong, else None.

    A name is None where nothing is chosen; `same` says that both choices are one and the same volume.
    """
    if same:
        return f"T1 and T2 are the same volume ('{t1_name}'); choose two different volumes or leave one empty."
    as_t1 = guess_sequence(t1_name, t1_tags) if t1_name is not None else None
    as_t2 = guess_sequence(t2_name, t2_tags) if t2_name is not None else None
    if as_t1 is Side.T2 and as_t2 is Side.T1:
        return f"T1 and T2 seem swapped: '{t1_name}' looks T2-weighted and '{t2_name}' looks T1-weighted."
    if as_t1 and as_t1 == as_t2:
        return f"Both volumes look {as_t1.title}-weighted: '{t1_name}' and '{t2_name}'."
    if as_t1 is Side.T2:
        return f"'{t1_name}' is chosen as T1 but looks T2-weighted."
    if as_t2 is Side.T1:
        return f"'{t2_name}' is chosen as T2 but looks T1-weighted."
    return None


def _words(text: str) -> str:
    """`text` in lower case, with separators as single spaces and camel case taken apart ("sT2W_TSE" gives "s t2w
    tse")."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return re.sub(r"[^a-z0-9*]+", " ", apart.lower()).strip()


def _weighting(text: str) -> Side | None:
    found = set(_WEIGHTING.findall(text))
    return Side(f"t{found.pop()}") if len(found) == 1 else None


def _usual_for(text: str) -> Side | None:
    t1, t2 = bool(_T1_WORDS.search(text)), bool(_T2_WORDS.search(text))
    return None if t1 == t2 else Side.T1 if t1 else Side.T2


def _number(tags: Mapping[str, str], key: str) -> float | None:
    try:
        return float(tags[key])
    except (KeyError, ValueError):
        return None


def _from_timing(tags: Mapping[str, str]) -> Side | None:
    """Weighting by timing: long echoes give T2, short echoes with short repetition T1.

    Balanced gradient echoes (T2/T1 contrast) and flip angles below 6 degrees (proton density, fat fraction) give None.
    """
    echo, repetition = _number(tags, "EchoTime"), _number(tags, "RepetitionTime")
    flip, inversion = _number(tags, "FlipAngle"), _number(tags, "InversionTime")
    kind = re.findall(r"SE|GR|IR|EP", tags.get("ScanningSequence", "").upper())
    if echo is None or "EP" in kind:
        return None
    if "GR" in kind and "SE" not in kind:
        if repetition is None or not 0 < echo < 10 or (flip is not None and flip < 6):
            return None
        balanced = flip is not None and flip > 30 and repetition < 20
        return Side.T1 if (repetition < 300 or inversion) and not balanced else None
    if echo >= 50 and (repetition is None or repetition > 1000):
        return Side.T2
    if kind and inversion and 80 <= inversion <= 300 and echo >= 30:
        return Side.T2
    if repetition is not None and 0 < echo < 30 and 300 <= repetition <= 1000 and "SE" in kind:
        return Side.T1
    return None
