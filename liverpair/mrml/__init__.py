"""The only room that knows MRML: volumes, segmentations, tables, layouts and pictures.

It imports slicer and vtk, never qt and never torch, and works in a 3D Slicer desktop as well as on the slicer-core
wheels without any window (`liverpair.mrml.headless`). Images of the library are LPS, MRML is RAS: the flip happens in
this room and nowhere else.
"""
