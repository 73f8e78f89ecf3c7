"""What a run measures against: gunicorn on a free port of the loopback, and a plain client.

The client opens a connection for each request, as gunicorn's sync workers close it after
each answer; a time runs from connecting to the answer's last byte.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from http.cookies import SimpleCookie
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
START = 30  # seconds a server may take to answer first


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    location: str
    seconds: float

    @property
    def text(self) -> str:
        return self.body.decode()


class Gunicorn:
    """A server of sync workers; a context manager that stops it."""

    def __init__(self, folder: Path, workers: int = 1, application: str = "ntm.wsgi", **environment: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = folder / f"gunicorn-{self.port}.log"
        self.command = [
            sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{self.port}",
            "--workers", str(workers), "--worker-class", "sync", "--log-level", "warning", "--no-control-socket",
        ]  # fmt: skip
        self.environment = {**os.environ, **environment}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START
        while True:
            try:
                answer = Client(self.port).get("/bench/hello/")
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"gunicorn doesn't answer:\n{self.log.read_text()}") from None
                time.sleep(0.05)
            else:
                assert answer.status == 200, answer.text
                return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def memory(self) -> tuple[float, float]:
        """RSS and PSS of the (first) worker, in MB."""
        worker = min(psutil.Process(self.process.pid).children(), key=lambda child: child.pid)
        info = worker.memory_full_info()
        return info.rss / 1e6, info.pss / 1e6


class Client:
    """A person's browser without its looks: cookies, the CSRF token, one request after another."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookies: dict[str, str] = {}

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, path: str, data: dict[str, Any] | None = None, **headers: str) -> Answer:
        body = urlencode(data or {}, doseq=True).encode()
        return self.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", **headers})

    def upload(self, path: str, name: str, content: bytes, **fields: str) -> Answer:
        mark = b"----7f1c9a3e5b"
        parts = [
            b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (mark, key.encode(), value.encode())
            for key, value in fields.items()
        ]
        parts.append(
            b'--%s\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\n'
            b"Content-Type: application/pdf\r\n\r\n%s\r\n--%s--\r\n" % (mark, name.encode(), content, mark)
        )
        kind = f"multipart/form-data; boundary={mark.decode()}"
        return self.request("POST", path, b"".join(parts), {"Content-Type": kind, "Accept": "application/json"})

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        headers = dict(headers or {})
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if method == "POST":
            headers["X-CSRFToken"] = self.cookies.get("csrftoken", "")
        start = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        seconds = time.perf_counter() - start
        for line in response.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return Answer(response.status, content, response.headers.get("Location", ""), seconds)

    def sign_in(self, username: str, password: str) -> Self:
        self.get("/accounts/login/")
        answer = self.post("/accounts/login/", {"login": username, "password": password})
        assert answer.status == 302 and "sessionid" in self.cookies, f"{username} could not sign in: {answer.status}"
        return self
