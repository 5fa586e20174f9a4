"""Files of others and ours: images, DICOM series, study folders, lesion files and structured reports."""
