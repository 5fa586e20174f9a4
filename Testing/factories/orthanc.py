"""A real Orthanc with DICOMweb on the loopback interface, started for a test and gone after it."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

PLUGINS = (Path("/usr/share/orthanc/plugins"), Path("/usr/lib/orthanc"))
USER, PASSWORD = "reader", "a password"
STARTED_S = 60.0


class Orthanc:
    """One server process. `url` is its DICOMweb service."""

    def __init__(self, folder: Path):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/dicom-web"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        plugin = next(path for place in PLUGINS for path in place.glob("libOrthancDicomWeb.so*"))
        settings = {
            "Name": "Test",
            "StorageDirectory": str(self.folder / "storage"),
            "HttpPort": self.port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "DicomServerEnabled": False,
            "Plugins": [str(plugin)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }
        (self.folder / "orthanc.json").write_text(json.dumps(settings))
        log = (self.folder / "log.txt").open("ab")
        self.process = subprocess.Popen(["Orthanc", str(self.folder / "orthanc.json")], stdout=log, stderr=log)
        end = time.monotonic() + STARTED_S
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/system", timeout=1)
            except urllib.error.HTTPError:
                return  # it asks for a password: it is there
            except OSError:
                time.sleep(0.1)
        raise TimeoutError((self.folder / "log.txt").read_text()[-2000:])

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def delete_everything(self) -> None:
        """As an administrator does while others read."""
        for study in json.loads(self._ask("studies")):
            self._ask(f"studies/{study}", "DELETE")

    def _ask(self, path: str, method: str = "GET") -> bytes:
        manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        manager.add_password(None, f"http://127.0.0.1:{self.port}/", USER, PASSWORD)
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(manager))
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", method=method)
        return opener.open(request, timeout=10).read()


@pytest.fixture
def orthanc(tmp_path, monkeypatch):
    """A running archive, whose user is known in the environment."""
    if shutil.which("Orthanc") is None or not any(list(place.glob("libOrthancDicomWeb*")) for place in PLUGINS):
        pytest.skip("Orthanc is not installed (Debian: orthanc, orthanc-dicomweb).")
    monkeypatch.setenv("LIVERPAIR_PACS_USER", USER)
    monkeypatch.setenv("LIVERPAIR_PACS_PASSWORD", PASSWORD)
    server = Orthanc(tmp_path / "orthanc")
    server.start()
    yield server
    server.stop()
