"""Starts the server, each test class one of its own with its own database."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import re
import selectors
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

BUILT = pathlib.Path(__file__).parents[4] / "target/debug/samewire-server"
# A server of PostgreSQL in which databases may be made; without one they are files of SQLite.
POSTGRES = os.environ.get("SAMEWIRE_TEST_POSTGRES")
PROGRAM = os.environ.get("SAMEWIRE_SERVER", str(BUILT))
SECRET = "a secret of the tests, 32 bytes or more"
START_S = 60
STOP_S = 30


def token(sub, expires_in=3600, secret=SECRET, **claims):
    """A token of a user, signed as a back end would."""
    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"sub": sub, "exp": int(time.time()) + expires_in, **claims}
    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + b"." + part(json.dumps(claims).encode())
    return (head + b"." + part(hmac.digest(secret.encode(), head, hashlib.sha256))).decode()


def own_host():
    """A loopback address that no other process of the tests listens at, so that a free port stays free; where a
    system has but one, that one."""
    if sys.platform != "linux":
        return "127.0.0.1"
    pid = os.getpid()
    return f"127.{64 + (pid >> 14) % 128}.{(pid >> 6) % 256}.{pid % 64 << 2}"


def psql(url, statement):
    """Runs a statement in a database of PostgreSQL."""
    command = ["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", url, "--command", statement]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Server:
    """A server that listens. `folder` is one to start in again, `env` further settings."""

    def __init__(self, folder=None, **env):
        self.folder = folder or self._new_folder()
        self.process = subprocess.Popen(
            [PROGRAM],
            cwd=self.folder,
            env={
                "PATH": os.environ["PATH"],
                "RUST_LOG": os.environ.get("RUST_LOG", "off"),
                "JWT_SECRET": SECRET,
                "PORT": "0",
                "CONNECTIONS_PER_SECOND": "100000",
                "DATABASE_URL": self.database_url,
                **env,
            },
            stdout=subprocess.PIPE,
        )
        self.url = self._address()

    @staticmethod
    def _new_folder():
        """A folder, and in PostgreSQL a database that is called like it."""
        folder = tempfile.mkdtemp(prefix="samewire-")
        if POSTGRES:
            psql(POSTGRES, f'CREATE DATABASE "{os.path.basename(folder)}"')
        return folder

    @property
    def database_url(self):
        """Where this server stores."""
        if POSTGRES:
            return f"{POSTGRES.rpartition('/')[0]}/{os.path.basename(self.folder)}"
        return f"sqlite://{os.path.join(self.folder, 'samewire.db')}"

    def sql(self, statement):
        """Runs a statement in its database."""
        if POSTGRES:
            return psql(self.database_url, statement)
        path = self.database_url.removeprefix("sqlite://")
        with contextlib.closing(sqlite3.connect(path, timeout=STOP_S)) as database:
            database.execute(statement)
            database.commit()

    def _address(self):
        """The address that the server says it listens on."""
        deadline = time.monotonic() + START_S
        said = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while time.monotonic() < deadline:
                if not selector.select(deadline - time.monotonic()):
                    break
                chunk = os.read(self.process.stdout.fileno(), 4096)
                if not chunk:
                    break
                said += chunk
                if found := re.search(rb"listening on (http:\S+)\s", said):
                    return found[1].decode()
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"{PROGRAM} did not start: {said!r}")

    def end(self, how=signal.SIGTERM):
        """Ends the server; gives its exit code, or minus the signal that killed it."""
        self.process.send_signal(how)
        return self.process.wait(timeout=STOP_S)

    def stop(self):
        """Ends the server at once, and takes away what it stored."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        if POSTGRES:
            self._drop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _drop(self):
        """Drops its database, also where its connections take longer to end than the 5 s that PostgreSQL waits."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                return psql(POSTGRES, f'DROP DATABASE IF EXISTS "{os.path.basename(self.folder)}" WITH (FORCE)')
            except subprocess.CalledProcessError:
                if time.monotonic() > deadline:
                    raise
