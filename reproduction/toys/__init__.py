"""Drawn images with a known answer."""
