"""LiverPair: liver oncology in paired, unregistered T1- and T2-weighted MRI."""

__version__ = "0.2.0"
