"""How warnings and problems look: text and ground together, so that they can be read on a light and on a dark theme."""

COLORS = {"warning": ("#fff3cd", "#d6b656", "#4d3800"), "problem": ("#ffd8cc", "#d9480f", "#7a2600")}
"""Ground, border and text."""
GRAY = "#808080"
"""For what is of no account any more: it has contrast to white and to black."""


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
