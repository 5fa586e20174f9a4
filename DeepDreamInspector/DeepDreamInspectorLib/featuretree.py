"""A tree of features to check, in groups, that can be searched."""

from collections.abc import Callable

import qt

from liverpair.measures.feature_names import title_of

NAME, RANGE = 0, 1
NAME_ROLE, GROUP_ROLE = qt.Qt.UserRole, qt.Qt.UserRole + 1


class FeatureTree:
    """`onChecked(names)` is called with all checked features when the user, and nobody else, has changed one or a group
    of them.
    """

    def __init__(self, tree: "qt.QTreeWidget", onChecked: Callable[[list[str]], None]) -> None:
        self._tree, self._onChecked = tree, onChecked
        self._groups, self._items = [], {}
        self._isUpdating = False
        tree.header().setStretchLastSection(False)
        tree.header().setSectionResizeMode(NAME, qt.QHeaderView.Stretch)
        tree.header().setSectionResizeMode(RANGE, qt.QHeaderView.ResizeToContents)
        tree.connect("itemChanged(QTreeWidgetItem*,int)", self._onItemChanged)

    def fill(self, groups: dict[str, list[str]], texts: dict[str, str]) -> None:
        """Offer other features: `groups` from titles to names, `texts` by name for the second column."""
        self._isUpdating = True
        self._tree.clear()
        self._groups, self._items = [], {}
        for number, (title, names) in enumerate(groups.items()):
            group = qt.QTreeWidgetItem(self._tree, [title])
            group.setData(NAME, GROUP_ROLE, number)
            group.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
            self._groups.append((group, title, names))
            for name in names:
                item = qt.QTreeWidgetItem(group, [title_of(name), texts.get(name, "")])
                item.setFlags(qt.Qt.ItemIsEnabled | qt.Qt.ItemIsUserCheckable)
                item.setData(NAME, NAME_ROLE, name)
                item.setToolTip(NAME, name)
                self._items[name] = item
        self._isUpdating = False

    def check(self, names: list[str]) -> None:
        """Check these features and no others."""
        self._isUpdating = True
        for name, item in self._items.items():
            item.setCheckState(NAME, qt.Qt.Checked if name in names else qt.Qt.Unchecked)
        for group, title, members in self._groups:
            count = sum(name in names for name in members)
            state = qt.Qt.Checked if count == len(members) else qt.Qt.PartiallyChecked if count else qt.Qt.Unchecked
            group.setCheckState(NAME, state)
            group.setText(NAME, f"{title}: {count}" if count else title)
        self._isUpdating = False

    def checked(self) -> list[str]:
        """The features that are checked, in the order of the tree."""
        return [name for name in self._items if self._isChecked(name)]

    def search(self, text: str) -> None:
        """Show only features with all of these words in their title, name or group, and open their groups; without
        words, all features, and open the groups with checked ones.
        """
        words = text.lower().split()
        for group, title, members in self._groups:
            found = [name for name in members if _matches(words, f"{title} {title_of(name)} {name}")]
            for name in members:
                self._items[name].setHidden(name not in found)
            group.setHidden(not found)
            group.setExpanded(bool(found) if words else any(self._isChecked(name) for name in members))

    def _isChecked(self, name: str) -> bool:
        return self._items[name].checkState(NAME) == qt.Qt.Checked

    def _onItemChanged(self, item: "qt.QTreeWidgetItem", column: int) -> None:
        if self._isUpdating:
            return
        checked = set(self.checked())
        if not item.data(NAME, NAME_ROLE):
            group, title, members = self._groups[item.data(NAME, GROUP_ROLE)]
            shown = {each for each in members if not self._items[each].isHidden()}
            checked = checked | shown if item.checkState(NAME) == qt.Qt.Checked else checked - shown
        self._onChecked([each for each in self._items if each in checked])


def _matches(words: list[str], text: str) -> bool:
    return all(word in text.lower() for word in words)
