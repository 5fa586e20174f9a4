"""The panel of LiverMultimodal: its run, its maps, its self-test."""
