"""What may be asked of a dream."""

import json
import subprocess
import sys

import pytest

from liverpair.core.errors import InputError
from liverpair.dreaming.dream_settings import DreamSettings, check_kind


def test_settings_survive_json():
    settings = DreamSettings(direction="descent", frames=(5, 0, 5), every=3, seed=4)
    assert DreamSettings.parse(json.loads(json.dumps(settings.as_dict()))) == settings
    assert settings.frames == (0, 5) and settings.sign == -1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("direction", "up"),
        ("activation", "softmax"),
        ("gradient", "sign"),
        ("precision", "fp64"),
        ("step", 0.0),
        ("step", float("nan")),
        ("step", "fast"),
        ("step", 10**400),
        ("iterations", 0),
        ("iterations", 2.5),
        ("iterations", True),
        ("patience", 0),
        ("minimum_gain", -0.1),
        ("minimum_gain", 1.0),
        ("frames", (-1,)),
        ("frames", "0, 120"),
        ("every", -1),
        ("threshold", 1.0),
        ("crop", "yes"),
        ("seed", -1),
        ("seed", 2**32),
    ],
)
def test_each_field_is_checked_in_a_sentence_that_names_the_value(field, value):
    with pytest.raises(InputError, match=r"\.") as caught:
        DreamSettings(**{field: value})
    assert str(value)[:20] in str(caught.value)


def test_unknown_settings_and_kinds_are_refused():
    with pytest.raises(InputError, match="'momentum' of a dream is unknown. Known are direction"):
        DreamSettings.parse({"momentum": 0.9})
    with pytest.raises(InputError, match="'nightmare' is unknown"):
        check_kind("nightmare")


def test_frames_are_listed_or_regular():
    assert [i for i in range(601) if DreamSettings().is_frame(i)] == [0, 120, 250, 600]
    assert [i for i in range(10) if DreamSettings(every=4).is_frame(i)] == [0, 4, 8]


def test_only_what_bends_the_path_decides_whether_a_dream_can_be_resumed():
    settings = DreamSettings()
    assert settings.path() == DreamSettings(iterations=9, every=2, patience=3, minimum_gain=0).path()
    assert settings.path() != DreamSettings(step=0.002).path()


def test_what_modules_use_needs_no_torch():
    modules = "dream_settings, state, starts"
    code = f"import sys; from liverpair.dreaming import {modules}; print({{'torch', 'radiomics'}} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
