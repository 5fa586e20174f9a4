"""What the structures that LiverPair finds are called, coded and colored, as the manifest of a model says it."""

LIVER = {
    "name": "Liver",
    "value": 1,
    "snomed": {"code": "10200004", "scheme": "SCT", "meaning": "Liver"},
    "color": [221, 130, 101],
}
LESION = {
    "name": "Lesion",
    "value": 1,
    "snomed": {"code": "52988006", "scheme": "SCT", "meaning": "Lesion"},
    "color": [230, 159, 0],
}
