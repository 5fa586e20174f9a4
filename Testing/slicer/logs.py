"""What must not stand in the log of a workflow."""

import re

BAD = re.compile(
    r"Traceback \(most recent call last\)"
    r"|^\w+(\.\w+)*(Error|Exception): "
    r"|(ERROR|Warning): In "
    r"|vtkDebugLeaks has detected LEAKS"
    r"|signal .* does not exist"
    r"|\b(QObject|QLayout|QFormLayout|QGridLayout|QWidget|QTimer|QProcess|QPainter|QSortFilterProxyModel|QFile)(::|: )"
    r"|qSlicer\w+::\w+: (Unable|Failed|Invalid)"
    r"|\[(CRITICAL|ERROR|FATAL|WARN)\]"
    r"|Segmentation fault|Fatal Python error|double free"
)
NUMBERS = re.compile(r"0x[0-9a-f]+|\d+")


def problems(log, baseline=""):
    """The lines of a log that tell of something wrong, without those that another log, of Slicer alone, has as well."""
    known = {NUMBERS.sub("#", line) for line in baseline.splitlines()}
    return [line for line in log.splitlines() if BAD.search(line) and NUMBERS.sub("#", line) not in known]
