"""The names of features: those of pyradiomics, all of them, each with a title of its own."""

import subprocess
import sys

import pytest

from liverpair.core.errors import InputError
from liverpair.measures.feature_names import GROUPS, check_features, default_features, feature_groups, title_of


def test_they_are_what_pyradiomics_has_and_does_not_call_deprecated():
    import radiomics

    classes = radiomics.getFeatureClasses()
    known = {f"{key}_{name}" for key, c in classes.items() for name, old in c.getFeatureNames().items() if not old}
    listed = [name for group in GROUPS.values() for name in group]
    assert sorted(listed) == sorted(known)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_titles_tell_features_apart(dimensions):
    titles = [title_of(name) for group in feature_groups(dimensions).values() for name in group]
    assert len(set(titles)) == len(titles) and all(title[0].isupper() or title[0].isdigit() for title in titles)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("gldm_LargeDependenceEmphasis", "Large dependence emphasis"),
        ("glcm_Contrast", "Contrast (GLCM)"),
        ("ngtdm_Contrast", "Contrast (NGTDM)"),
        ("shape_Sphericity", "Sphericity"),
        ("shape2D_Sphericity", "Sphericity"),
        ("shape_Maximum3DDiameter", "Maximum 3-D diameter"),
        ("firstorder_90Percentile", "90th percentile"),
        ("glrlm_GrayLevelNonUniformityNormalized", "Gray level non-uniformity normalized (GLRLM)"),
        ("marking", "Marking"),
    ],
)
def test_titles_in_words(name, title):
    assert title_of(name) == title


@pytest.mark.parametrize("dimensions", [2, 3])
def test_groups_and_defaults_are_of_their_dimensions(dimensions):
    groups = feature_groups(dimensions)
    check_features([name for group in groups.values() for name in group], dimensions)
    check_features(default_features(dimensions), dimensions)
    assert {title.split()[0] for title in groups} >= {"Shape", "First"} and len(groups) == len(GROUPS) - 1
    wanted = {"RootMeanSquared", "Elongation", "Sphericity", "Entropy", "Contrast", "LargeDependenceEmphasis"}
    assert {name.split("_")[1] for name in default_features(dimensions)} > wanted


@pytest.mark.parametrize(
    ("name", "dimensions", "words"),
    [
        ("glcm_Contrst", 2, "There is no feature 'glcm_Contrst'. They are named as in pyradiomics"),
        ("GLCM_contrast", 3, "Did you mean glcm_Contrast?"),
        ("Contrast", 3, "Did you mean glcm_Contrast or ngtdm_Contrast?"),
        ("shape_Sphericity", 2, "'shape_Sphericity' is for 3-D objects; the model sees 2 dimensions"),
        ("shape2D_Sphericity", 3, "'shape2D_Sphericity' is for 2-D objects; the model sees 3 dimensions"),
    ],
)
def test_a_feature_that_is_not_there_is_named(name, dimensions, words):
    with pytest.raises(InputError) as caught:
        check_features(["glcm_Contrast", name], dimensions)
    assert words in str(caught.value)


def test_what_modules_import_brings_neither_torch_nor_pyradiomics():
    code = (
        "import sys; import liverpair.dreaming.interpretation, liverpair.dreaming.normal_ranges; "
        "import liverpair.measures.radiomics; "
        "print([name for name in ('torch', 'radiomics', 'matplotlib') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
