"""What is left to the process that runs programs, seen from inside and from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.miniprograms import confine
from tests.sandbox import hostile
from tests.sandbox.made import opened, program, sandbox

ROOT = Path(__file__).parents[2]

PROBE = """
import ctypes, json, mmap, os, signal, socket, sys, threading
from bridge.miniprograms import confine

library = confine.load_filter()
done = confine.confine(32 * 1024 * 1024)
reached = []

def attempt(name, what):
    try:
        what()
    except (OSError, RuntimeError, ValueError):
        return
    reached.append(name)

def work():
    confine.start_nothing_more()
    done.extend(confine.filter_calls(library))
    attempt("open", lambda: os.open("/etc/passwd", os.O_RDONLY))
    attempt("write", lambda: os.open("/tmp/x", os.O_WRONLY | os.O_CREAT))
    attempt("list", lambda: os.listdir("/"))
    attempt("socket", lambda: socket.socket())
    attempt("unix", lambda: socket.socket(socket.AF_UNIX))
    attempt("fork", lambda: os._exit(0) if os.fork() == 0 else None)
    attempt("exec", lambda: os.execv("/bin/true", ["true"]))
    attempt("signal", lambda: os.kill(os.getppid(), 0))
    attempt("thread", lambda: threading.Thread(target=int).start())
    attempt("code", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC))
    attempt("root", lambda: os.setuid(0))
    attempt("priority", lambda: os.nice(-5))
    attempt("rename", lambda: os.rename("/tmp", "/tmp2"))
    attempt("pipe", lambda: os.pipe())
    buffer = mmap.mmap(-1, 4096)  # plain memory is there
    os.write(1, json.dumps({"done": done, "reached": reached}).encode())

thread = threading.Thread(target=work)
thread.start()
thread.join()
os._exit(0)
"""


WITHOUT_FILTER = """
import json, os
from bridge.miniprograms import confine

done = confine.confine(32 * 1024 * 1024)
reached = []
for name, what in (
    ("files", lambda: os.listdir("/")[0]),
    ("files above", lambda: os.listdir("/..")[0]),
    ("passwd", lambda: os.stat("/etc/passwd")),
    ("own", lambda: os.mkdir("/x")),
):
    try:
        what()
        reached.append(name)
    except (OSError, IndexError):
        pass
print(json.dumps({"done": done, "reached": reached}))
"""


def test_where_no_calls_are_filtered_there_are_no_files_all_the_same() -> None:
    environment = {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-P", "-c", WITHOUT_FILTER]
    ran = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()
    told = json.loads(ran.stdout)
    if "empty_root" not in told["done"]:
        pytest.skip("this system lets nobody have a root of their own")
    assert told["reached"] == []


@pytest.mark.skipif(confine.load_filter() is None, reason="there is no libseccomp on this system")
def test_nothing_of_the_system_can_be_reached() -> None:
    environment = {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    ran = subprocess.run([sys.executable, "-P", "-c", PROBE], env=environment, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode()
    told = json.loads(ran.stdout)
    assert told["reached"] == []
    assert {"seccomp", "no_new_privs", "limits"} <= set(told["done"])
    if os.geteuid() == 0:
        assert "nobody" in told["done"]


async def test_it_is_given_no_secret_and_no_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURTYARD_MATRIX__PASSWORD", "opensesame")
    read, write = os.pipe()
    os.set_inheritable(read, True)
    box = sandbox()
    try:
        await box.handle(program(hostile.GOOD), opened())
        (pid,) = box.worker_pids
        about = Path(f"/proc/{pid}")
        if not os.access(about / "environ", os.R_OK) or os.geteuid() != 0:
            pytest.skip("only root may look into it")
        given = {entry.split(b"=")[0] for entry in (about / "environ").read_bytes().split(b"\0") if entry}
        assert given == ({b"LD_LIBRARY_PATH"} if "LD_LIBRARY_PATH" in os.environ else set())
        assert b"opensesame" not in (about / "cmdline").read_bytes()
        held = [os.readlink(entry) for entry in (about / "fd").iterdir()]
        assert not [name for name in held if not name.startswith(("pipe:", "/dev/null", "/memfd:"))]
        assert len([name for name in held if name.startswith("pipe:")]) == 2
        status = (about / "status").read_text()
        assert "CapEff:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        if confine.load_filter() is not None:
            assert "Seccomp:\t2" in status, "a filter, of every thread"
        limits = {line[:26].strip(): line[26:].split()[:2] for line in (about / "limits").read_text().splitlines()}
        for name in ("Max core file size", "Max file size", "Max open files", "Max processes"):
            assert limits[name] == ["0", "0"], name
        assert int(limits["Max data size"][1]) < 1 << 30
    finally:
        await box.close()
        os.close(read)
        os.close(write)
