"""What everything else is said in: errors, geometry, lesions, whole files, user folders, device and memory."""
