"""Which of the two series of a visit is meant."""

from enum import Enum


class Side(str, Enum):
    """T1 or T2. A side is its key wherever text is wanted: in file names, as a key of JSON, in `f"{side}_liver"`.

    `Side("t1")` and `Side("T1")` are T1; any other text raises `ValueError`.
    """

    T1 = "t1"
    T2 = "t2"

    __str__ = str.__str__

    @classmethod
    def _missing_(cls, value: object) -> "Side | None":
        return next((side for side in cls if side.title == value), None)

    @property
    def key(self) -> str:
        """What files and JSON call it: "t1"."""
        return self.value

    @property
    def title(self) -> str:  # type: ignore[override]
        """What people call it: "T1"."""
        return self.name

    @property
    def other(self) -> "Side":
        """The other one of the two."""
        return Side.T2 if self is Side.T1 else Side.T1
