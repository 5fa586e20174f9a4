"""What kind of image a series is beside its weighting, by its own words: a phase, a part of a Dixon image, a map."""

import re

KINDS = (
    ("fat fraction", r"fat ?fraction|\bpdff\b"),
    ("ADC map", r"\badc\b|apparent diffusion"),
    ("diffusion", r"\bdwi\b|diffusion|\bb ?\d{2,4}\b"),
    ("relaxation map", r"\bt[12] ?\*? ?map|\br2 ?\*|\bt2 ?\*|t1 ?rho"),
    ("subtraction", r"subtract|\bsub\b"),
    ("projection", r"\bmip\b|\bmpr\b|projection"),
    ("water", r"\bwater\b|\\w\b|_w\b"),
    ("fat", r"\bfat\b(?! ?(?:sat|sup))|\\f\b|_f\b"),
    ("out of phase", r"\b(?:out|opp|opposed)[ _-]?(?:of[ _-]?)?(?:phase|ph)|\\op\b|_opp\b|out[_ ]?phase"),
    ("in phase", r"\bin[ _-]?(?:phase|ph)\b|\\ip\b|_in\b"),
    ("arterial", r"arterial|\bart\b|\bap\b"),
    ("portal venous", r"portal|venous|\bpv\b|\bpvp\b"),
    ("hepatobiliary", r"hepatobiliary|\bhbp\b|20 ?min"),
    ("delayed", r"delay|equilibrium|late"),
    ("contrast-enhanced", r"\+ ?c\b|\bpost\b|gad|primovist|eovist|dotarem|\bce\b|\bdyn"),
)
"""Kinds by the words of description, protocol and image type, the first that fits."""


def kind_of_text(text: str, b_value: str | None = None) -> str:
    """The kind that a series' own words tell; "" for a plain one. A diffusion b-value above 0 tells it too."""
    try:
        if float(b_value or 0) > 0:
            return "diffusion"
    except ValueError:
        pass
    text = text.lower()
    spaced = re.sub(r"[_\-]+", " ", text)
    return next((kind for kind, words in KINDS if re.search(words, text) or re.search(words, spaced)), "")
