"""What the modules of LiverPair share beyond the library: the worker of the Slicer session, the installer, the panels.

Everything that needs Qt or the Slicer application is here, everything that does not is in `liverpair`. Nothing here
imports torch.
"""
