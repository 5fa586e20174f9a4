"""Segmentation of the liver in pairs (Couteaux 2021, chapter 2): strategies, losses, shapes, similarity."""
