"""An archive that speaks DICOMweb (PS3.18): ask it for studies, fetch one, store results."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liverpair.core.errors import InputError, MissingPackageError, Progress, no_progress

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient

USER, PASSWORD, TOKEN = "LIVERPAIR_PACS_USER", "LIVERPAIR_PACS_PASSWORD", "LIVERPAIR_PACS_TOKEN"
"""Environment variables with the credentials. They are never an argument, which other users of a machine could read."""

TIMEOUT_S = 30.0
_STUDY_FIELDS = ("StudyDescription", "ModalitiesInStudy", "NumberOfStudyRelatedInstances")
_SERIES_FIELDS = ("SeriesDescription", "NumberOfSeriesRelatedInstances")


@dataclass
class Archive:
    """A DICOMweb service, as "https://pacs.hospital.org/dicom-web".

    The user is known by a name and a password in the environment (`USER`, `PASSWORD`), or a bearer token (`TOKEN`), or
    else by what the system's keyring holds for the service "LiverPair" and `USER`. Every method raises `InputError`
    in one sentence when the archive cannot be reached, refuses the user, or breaks off, and `MissingPackageError`
    without dicomweb-client.
    """

    url: str

    def find(self, patient: str = "", name: str = "", date: str = "", modality: str = "MR") -> list[dict[str, Any]]:
        """Studies by patient ID, patient name ("Doe*") and date ("20240501", "20240101-20240630"), newest first.

        Returns rows with "study" (its UID), "patient", "name", "date", "description", "modalities" and "images".
        """
        asked = {"PatientID": patient, "PatientName": name, "StudyDate": date, "ModalitiesInStudy": modality}
        with self._answering():
            found = self._client.search_for_studies(
                fields=list(_STUDY_FIELDS), search_filters={key: value for key, value in asked.items() if value}
            )
        rows = [
            {
                "study": _text(item, "0020000D"),
                "patient": _text(item, "00100020"),
                "name": _text(item, "00100010"),
                "date": _text(item, "00080020"),
                "description": _text(item, "00081030"),
                "modalities": _text(item, "00080061"),
                "images": _text(item, "00201208"),
            }
            for item in found
        ]
        return sorted(rows, key=lambda row: row["date"], reverse=True)

    def series(self, study: str) -> list[dict[str, Any]]:
        """The series of a study: rows with "series" (its UID), "modality", "number", "description" and "images".

        Raises `InputError` also when the archive has no such study.
        """
        with self._answering(study):
            found = self._client.search_for_series(study, fields=list(_SERIES_FIELDS))
        if not found:
            raise InputError(f"The archive has no study {study}.", "Ask it again with 'pacs find'.")
        return [
            {
                "series": _text(item, "0020000E"),
                "modality": _text(item, "00080060"),
                "number": _text(item, "00200011"),
                "description": _text(item, "0008103E"),
                "images": _text(item, "00201209"),
            }
            for item in found
        ]

    def get(self, study: str, folder: str | Path, modality: str = "MR", progress: Progress = no_progress) -> Path:
        """Fetch the series of one modality ("" for all) of a study into `folder/STUDY/SERIES/IMAGE.dcm`.

        The study's folder appears when it is complete, or not at all; one that is there already is left alone, so that
        a second run goes on with what is missing. Returns it. Raises `InputError` also when images are missing
        because the study was changed meanwhile, or the folder cannot be written to.
        """
        whole = Path(folder) / study
        if whole.is_dir():
            return whole
        wanted = [row for row in self.series(study) if not modality or row["modality"] == modality]
        if not wanted:
            raise InputError(f"Study {study} has no {modality} series.")
        try:
            whole.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".fetching-", dir=whole.parent) as draft:
                for number, row in enumerate(wanted):
                    progress(number / len(wanted), f"Fetching series {number + 1} of {len(wanted)}")
                    self._fetch(study, row, Path(draft) / study / row["series"])
                progress(1.0, "The study is complete")
                (Path(draft) / study).rename(whole)
        except OSError as error:
            raise InputError(f"'{whole.parent}' cannot be written to.", "Choose another folder.") from error
        return whole

    def send(self, files: Sequence[str | Path]) -> int:
        """Store DICOM files, all in one request. Returns how many; a file that is stored already counts.

        Raises `InputError` also when a file is not DICOM or the archive refuses one.
        """
        import pydicom
        from pydicom.errors import InvalidDicomError

        try:
            datasets = [pydicom.dcmread(file) for file in files]
        except (InvalidDicomError, OSError) as error:
            raise InputError(f"There is a file that is no DICOM file or not there: {error}.") from error
        with self._answering():
            answer = self._client.store_instances(datasets)
        refused = answer.get("FailedSOPSequence") or []
        if refused:
            raise InputError(f"The archive refused {len(refused)} of {len(datasets)} files.", "Its log says why.")
        return len(datasets)

    def _fetch(self, study: str, row: Mapping[str, Any], folder: Path) -> None:
        folder.mkdir(parents=True)
        count = 0
        with self._answering(study):
            for dataset in self._client.iter_series(study, row["series"]):
                count += 1
                dataset.save_as(folder / f"{dataset.SOPInstanceUID}.dcm", enforce_file_format=True)
        if row["images"] and count != int(row["images"]):
            raise InputError(
                f"Of series '{row['description']}' {count} of {row['images']} images arrived: the study was changed "
                "while it was read.",
                "Fetch it again.",
            )

    @cached_property
    def _client(self) -> "DICOMwebClient":
        try:
            import requests
            from dicomweb_client import DICOMwebClient
        except ImportError as error:
            raise MissingPackageError(
                "Speaking to an archive needs the package 'dicomweb-client'.", "Install it with pip."
            ) from error

        class Session(requests.Session):
            def send(
                self, request, **options
            ):  # an encoded wildcard is none to Orthanc; it need not be (RFC 3986, 3.4)
                request.url = request.url.replace("%2A", "*")
                return super().send(request, **options)

        session = Session()
        if token := os.environ.get(TOKEN):
            session.headers["Authorization"] = f"Bearer {token}"
        elif user := os.environ.get(USER):
            session.auth = (user, os.environ.get(PASSWORD) or _from_keyring(user))
        try:
            client = DICOMwebClient(self.url, session=session, timeout=TIMEOUT_S)
        except (ValueError, TypeError) as error:
            raise InputError(
                f"'{self.url}' is not the address of an archive.", "It looks like https://HOST/dicom-web."
            ) from error
        client.set_http_retry_params(retry=False)
        return client

    @contextmanager
    def _answering(self, study: str = "") -> Iterator[None]:
        """What goes wrong between here and the archive, in a sentence."""
        client = self._client
        import requests

        try:
            yield
        except requests.HTTPError as error:
            status = error.response.status_code if error.response is not None else 0
            if status in (401, 403):
                raise InputError(
                    f"The archive {client.base_url} does not let this user in.", f"Set {USER} and {PASSWORD}."
                ) from error
            if status == 404 and study:
                raise InputError(f"The archive has no study {study}.", "Ask it again with 'pacs find'.") from error
            raise InputError(
                f"The archive {client.base_url} answered with error {status}.", "Its log says why."
            ) from error
        except requests.RequestException as error:
            raise InputError(
                f"The archive {client.base_url} does not answer or broke off.", "Check the address, and try again."
            ) from error


def _from_keyring(user: str) -> str:
    with suppress(Exception):  # there may be no keyring, or nobody to unlock it
        import keyring

        return keyring.get_password("LiverPair", user) or ""
    return ""


def _text(item: Mapping[str, Any], tag: str) -> str:
    """The values of an attribute of the DICOM JSON model (PS3.18 F) as text."""
    values = item.get(tag, {}).get("Value") or []
    return ", ".join(str(v.get("Alphabetic", "") if isinstance(v, Mapping) else v) for v in values)
