"""`SampleData`: modules register their data sets here, and tests download them through it."""

import contextlib
import os
from pathlib import Path

import slicer
from slicer.util import computeChecksum, extractAlgoAndDigest


class SampleDataSource:
    """One data set: what it is called, where its files are and what to do with them."""

    def __init__(
        self,
        sampleName=None,
        sampleDescription=None,
        uris=None,
        fileNames=None,
        nodeNames=None,
        checksums=None,
        loadFiles=None,
        customDownloader=None,
        thumbnailFileName=None,
        loadFileType=None,
        loadFileProperties=None,
    ):
        self.sampleName = sampleName
        self.sampleDescription = sampleDescription or sampleName
        self.uris = _as_list(uris)
        self.fileNames = _as_list(fileNames)
        count = max(len(self.uris), len(self.fileNames), 1)
        self.nodeNames = _as_list(nodeNames) or [None] * count
        self.checksums = _as_list(checksums) or [None] * count
        self.loadFiles = _as_list(loadFiles) or [None] * count
        self.loadFileTypes = _as_list(loadFileType) or [None] * count
        self.loadFileProperties = loadFileProperties or {}
        self.customDownloader = customDownloader
        self.thumbnailFileName = thumbnailFileName
        lengths = {"uris": self.uris, "fileNames": self.fileNames, "nodeNames": self.nodeNames}
        if customDownloader is None and len({len(values) for values in lengths.values()}) != 1:
            raise ValueError(f"{sampleName}: uris, fileNames and nodeNames differ in length")


def _as_list(value) -> list:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


class SampleDataLogic:
    """Registers and downloads data sets."""

    @staticmethod
    def registerCustomSampleDataSource(category: str = "Custom", **arguments) -> None:
        """Add a data set to a category of the module Sample Data. Arguments as of `SampleDataSource`."""
        source = SampleDataSource(**arguments)
        sources = slicer.modules.sampleDataSources.setdefault(category, [])
        if all(other.sampleName != source.sampleName for other in sources):
            sources.append(source)

    def sourceForSampleName(self, sampleName: str) -> SampleDataSource | None:
        for sources in slicer.modules.sampleDataSources.values():
            for source in sources:
                if source.sampleName == sampleName:
                    return source
        return None

    def downloadFromSource(self, source: SampleDataSource, *_arguments) -> list:
        """Fetch the files and load them; the nodes, or the paths of what is not loaded.

        As in Slicer, what cannot be downloaded is left out, and a custom downloader is not called: only the button of
        the module Sample Data does that.
        """
        fetched = []
        for index in range(len(source.uris)):
            with contextlib.suppress(ValueError):
                fetched.append(self._fetch(source, index))
        return fetched

    def _fetch(self, source: SampleDataSource, index: int):
        folder = Path(slicer.app.temporaryPath) / "SampleData"
        folder.mkdir(exist_ok=True)
        path = self.downloadFile(source.uris[index], folder, source.fileNames[index], source.checksums[index])
        if source.loadFiles[index] is False:
            return path
        properties = dict(source.loadFileProperties)
        if source.nodeNames[index]:
            properties["name"] = source.nodeNames[index]
        return slicer.util.loadNodeFromFile(path, source.loadFileTypes[index], properties)

    def downloadFile(self, uri: str, folder, name: str, checksum: str | None = None) -> str:
        """Fetch a file unless it is there already.

        Raises:
            ValueError: when there is no such file, or its checksum is not the expected one.
        """
        path = os.path.join(folder, name)
        if not os.path.exists(path) and not slicer.util.downloadFile(uri, path):
            raise ValueError(f"cannot download {uri} to {path}")
        if checksum:
            algorithm, digest = extractAlgoAndDigest(checksum)
            if computeChecksum(algorithm, path) != digest:
                raise ValueError(f"checksum of {name} is wrong")
        return path

    def downloadSamples(self, sampleName: str) -> list:
        source = self.sourceForSampleName(sampleName)
        return self.downloadFromSource(source) if source is not None else []

    def downloadSample(self, sampleName: str):
        return self.downloadSamples(sampleName)[0]


def press_button(sample_name: str):
    """What the button of a data set in the module Sample Data does; what its downloader returns, if it has its own."""
    source = SampleDataLogic().sourceForSampleName(sample_name)
    if source is None:
        raise LookupError(f"the module Sample Data has no button '{sample_name}'")
    return source.customDownloader(source) if source.customDownloader else SampleDataLogic().downloadFromSource(source)


def downloadSample(sampleName: str):
    """The first node of a data set."""
    return SampleDataLogic().downloadSample(sampleName)


def downloadSamples(sampleName: str) -> list:
    """All nodes of a data set."""
    return SampleDataLogic().downloadSamples(sampleName)


__all__ = ["SampleDataLogic", "SampleDataSource", "downloadSample", "downloadSamples"]
