"""How warnings and problems look: text and ground together, so that they can be read on light and dark themes; and the
colors of what a table lists."""

import qt

COLORS = {"warning": ("#fff3cd", "#d6b656", "#4d3800"), "problem": ("#ffd8cc", "#d9480f", "#7a2600")}
"""Ground, border and text."""
GRAY = "#808080"
"""For what is of no account any more: it has contrast to white and to black."""


SWATCH_SIZE = 14


def swatch(color: "qt.QColor") -> "qt.QIcon":
    """A little square of a color, with a rim that keeps it apart from the color of a chosen row."""
    picture = qt.QPixmap(SWATCH_SIZE, SWATCH_SIZE)
    picture.fill(qt.QColor("white"))
    painter = qt.QPainter()
    painter.begin(picture)
    painter.fillRect(1, 1, SWATCH_SIZE - 2, SWATCH_SIZE - 2, color)
    painter.end()
    icon = qt.QIcon(picture)
    icon.addPixmap(picture, qt.QIcon.Selected)
    return icon


def frameStyle(name: str, kind: str = "warning") -> str:
    """The style sheet of the frame of that object name, and of the labels in it."""
    ground, border, text = COLORS[kind]
    return (
        f"QFrame#{name} {{ background: {ground}; border: 1px solid {border}; border-radius: 3px; }} "
        f"QFrame#{name} QLabel {{ color: {text}; background: transparent; border: none; }}"
    )


def labelStyle(isProblem: bool = True) -> str:
    """The style sheet of a label that speaks of a problem, or of none."""
    ground, border, text = COLORS["problem"]
    style = f"color: {text}; background: {ground}; border: 1px solid {border}; border-radius: 3px; padding: 1px 3px;"
    return style if isProblem else ""
