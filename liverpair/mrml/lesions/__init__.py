"""Linked lesion boxes in a scene: markups, their folder, table, display, history and repair."""
