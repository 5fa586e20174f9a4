"""The panel of LiverMultimodal: its sections, its choices, its run."""
