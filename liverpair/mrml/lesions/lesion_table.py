"""The lesions of a study as a table node. It is derived: writing into it changes no lesion."""

from collections.abc import Sequence

from liverpair.io.lesion_csv import COLUMNS
from liverpair.measures.burden import lesion_measures
from liverpair.measures.lesion_rows import LesionRow
from liverpair.mrml import tables
from liverpair.mrml.lesions.lesion_study import LesionStudy


def show(table_node, study: LesionStudy, rows: Sequence[LesionRow] | None = None) -> None:
    """Fill a table node with a row for every lesion of a study, in place of whatever it held.

    `rows`: what was measured of these lesions; without it, what their boxes alone tell.

    Raises:
        InputError: when a box lies under a transform that warps or skews it.
    """
    rows = lesion_measures(study.pairs()) if rows is None else rows
    titles = [column.title for column in COLUMNS]
    tables.fill(table_node, titles, [[column.text(row) for column in COLUMNS] for row in rows])
