"""Where the numbers come from: hardware, kernel, versions, other load."""

import json
import os
import platform
import re
import subprocess
import time


def output(*command):
    """What a command prints, on either channel; '' if it can't be run."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def first_line(path, default=""):
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return default


def find(pattern, text, default="?"):
    match = re.search(pattern, text, re.MULTILINE)
    return match.group(1) if match else default


def hardware():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpuinfo = file.read()
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(find(r"^MemTotal:\s*(\d+)", file.read(), "0"))
    with open("/etc/os-release", encoding="utf-8") as file:
        system = find(r'^PRETTY_NAME="?([^"\n]*)', file.read())
    return {
        "cpu": find(r"^model name\s*:\s*(.*)$", cpuinfo),
        "cpu_family": find(r"^cpu family\s*:\s*(.*)$", cpuinfo),
        "cpu_model": find(r"^model\s*:\s*(.*)$", cpuinfo),
        "cpus": os.cpu_count(),
        "virtual": "hypervisor" in cpuinfo,
        "memory_mb": memory // 1024,
        "kernel": platform.release(),
        "system": system,
    }


def debian_version(package):
    return output("dpkg-query", "-W", "-f", "${Version}", package) or None


def npm_versions(lock, names):
    with open(lock, encoding="utf-8") as file:
        packages = json.load(file)["packages"]
    return {name: packages["node_modules/" + name]["version"]
            for name in names}


def commit(top):
    """The last one that changed the module."""
    git = ("git", "-C", top)
    paths = ("--", "ngx_chat_module", "config")
    found = output(*git, "log", "-1", "--format=%h of %as", *paths)
    changed = output(*git, "status", "--porcelain", *paths)
    return (found or "?") + (", changed" if changed else "")


def versions(top, nginx):
    found = {
        "module": commit(top),
        "nginx": find(r"nginx/(\S+)", output(nginx, "-v")),
        "nginx_package": debian_version("nginx"),
        "nchan": debian_version("libnginx-mod-nchan"),
        "gcc": output("gcc", "-dumpfullversion"),
    }
    found.update(npm_versions(top + "/bench/peers/package-lock.json",
                              ("ws", "socket.io")))
    found["node"] = output("node", "--version").lstrip("v") or None
    return found


def busy_ticks():
    """Of all CPUs, without niced, idle and stolen time."""
    fields = [int(x) for x in first_line("/proc/stat").split()[1:8]]
    user, _, system, _, _, irq, softirq = fields
    return user + system + irq + softirq


def load(seconds=0.5):
    """How busy the machine is now, in % of one CPU."""
    before = busy_ticks()
    time.sleep(seconds)
    ticks = busy_ticks() - before
    return ticks * 100 / os.sysconf("SC_CLK_TCK") / seconds


def wait_until_quiet(limit, patience):
    """Waits up to PATIENCE seconds for a load below LIMIT %."""
    end = time.monotonic() + patience
    while load() >= limit and time.monotonic() < end:
        pass
