"""Starting and stopping what is measured, each pinned to one CPU."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time

PATIENCE = 10           # seconds for a server to start, and to stop


def free_port():
    """Below the ports that the kernel gives to outgoing connections, of
    which there will be ten thousand."""
    for _ in range(200):
        port = random.randrange(20000, 32000)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise RuntimeError("no free port")


def start(command, cpu, nice, **options):
    """A process in a session of its own, on CPU, that ends with this one."""

    def prepare():
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        if not nice:
            return
        os.nice(nice)
        # where Linux schedules by session, only this counts between them
        try:
            with open("/proc/self/autogroup", "w", encoding="ascii") as file:
                file.write(str(nice))
        except OSError:
            pass

    if shutil.which("setpriv"):
        command = ["setpriv", "--pdeathsig", "TERM", "--"] + command
    return subprocess.Popen(command, stdin=subprocess.DEVNULL,
                            start_new_session=True, preexec_fn=prepare,
                            **options)


class Server:
    """A process that listens at a port; its children count as its own."""

    def __init__(self, place, command):
        self.place = place          # where its files are, made anew
        self.command = command      # a function of (place, port)
        self.process = None
        self.port = None

    def start(self, cpu, nice):
        shutil.rmtree(self.place, ignore_errors=True)
        os.makedirs(self.place + "/temp")
        self.port = free_port()
        with open(self.place + "/output", "wb") as log:
            self.process = start(self.command(self.place, self.port), cpu,
                                 nice, stdout=log, stderr=log, cwd=self.place)
        self._wait()
        return self

    def _wait(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.stop()
        raise RuntimeError("%s did not start: %s"
                           % (self.place, self.complaints() or "no reason"))

    def complaints(self):
        """What it wrote, which is nothing when all is well."""
        found = []
        for name in ("output", "error.log"):
            try:
                with open(self.place + "/" + name, encoding="utf-8",
                          errors="replace") as file:
                    found += file.read().splitlines()[:5]
            except OSError:
                pass
        return "\n".join(found)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def nginx(binary, template, modules):
    """A command that runs nginx with a configuration of bench/peers."""

    def command(place, port):
        with open(template, encoding="utf-8") as file:
            conf = file.read()
        conf = conf.replace("@PORT@", str(port))
        for name, path in modules.items():
            conf = conf.replace("@" + name + "@", path)
        if os.getuid() == 0:
            conf = "user www-data;\n" + conf
        with open(place + "/nginx.conf", "w", encoding="utf-8") as file:
            file.write(conf)
        return [binary, "-p", place, "-c", place + "/nginx.conf",
                "-e", place + "/error.log"]

    return command
