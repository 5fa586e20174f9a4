"""Folders of the user, and commands that name no folder of one machine."""

import pytest

from liverpair.core.paths import portable_command


@pytest.mark.parametrize(
    ("typed", "recorded"),
    [
        ("liverpair evaluate m ../shared/chaos_mr --cases 10", "liverpair evaluate m chaos_mr --cases 10"),
        ("train --data.root=/home/me/studies --x=1", "train --data.root=studies --x=1"),
        ("train --config liverpair/training/a.yaml -o runs/a", "train --config liverpair/training/a.yaml -o runs/a"),
        ("evaluate '~/my data/chaos' --description 'T1 and T2'", "evaluate chaos --description 'T1 and T2'"),
        ("dream --point -1.5 2 .5", "dream --point -1.5 2 .5"),
    ],
)
def test_a_recorded_command_names_no_folder_of_one_machine(typed, recorded):
    assert portable_command(typed) == recorded
