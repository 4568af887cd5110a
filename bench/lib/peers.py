"""What is measured, and how the load generator talks to each.

A role is what the generator is to a server: "ws" and "sse" subscribe, "member"
subscribes and publishes on the same socket, "join" subscribes and wants what is
stored.  "publish" and "post" publish by WebSocket and by HTTP.  A peer without a
role is left out of the scenarios that need it.
"""

import os
import shutil

from servers import Server, nginx

JOINED = ["--ready-match", '"type":"joined"']
MESSAGE = ["--template",
           '{"type":"message","room":"{room}","text":"{payload}"}']
SOCKETIO = "/socket.io/?EIO=4&transport=websocket"


def by_ws(path):
    return ["--pub", "ws", "--pub-path", path]


def by_http(path):
    return ["--pub", "http", "--pub-path", path]


CHAT_V1 = {
    "ws": ["--path", "/chat/%d"] + JOINED,
    "sse": ["--proto", "sse", "--path", "/chat/%d"] + JOINED,
    "member": ["--path", "/chat/%d", "--pub", "sub"] + JOINED + MESSAGE,
    "join": ["--path", "/chat/%d?after=0"] + JOINED,
    "publish": by_ws("/chat/%d") + MESSAGE
        + ["--pub-ready", '"type":"joined"'],
    "post": by_http("/chat/%d"),
}

CHAT_RAW = {
    "ws": ["--path", "/raw/%d"],
    "sse": ["--proto", "sse", "--path", "/raw/%d"],
    "member": ["--path", "/raw/%d", "--pub", "sub"],
    "join": ["--path", "/raw/%d?after=0"],
    "publish": by_ws("/raw/%d"),
    "post": by_http("/raw/%d"),
}

NCHAN = {
    "ws": ["--path", "/s/%d"],
    "sse": ["--proto", "sse", "--path", "/se/%d"],
    "member": ["--path", "/ps/%d", "--pub", "sub"],
    "join": ["--path", "/hs/%d"],
    "publish": by_ws("/p/%d"),
    "post": by_http("/p/%d"),
    "store": by_http("/hp/%d"),
}

FLOOR = {
    "ws": ["--path", "/s/%d"],
    "member": ["--path", "/s/%d", "--pub", "sub"],
    "publish": by_ws("/p/%d"),
}

WS = dict(FLOOR, post=by_http("/p/%d"))

# with the certificate that bench/run makes
CHAT_RAW_TLS = {role: options + ["--tls", "1"]
                for role, options in CHAT_RAW.items()}

SIO = {
    "ws": ["--path", SOCKETIO, "--send", "40", "--autoreply", "2=3",
           "--autoreply", '40{*=42["join","%d"]',
           "--ready-match", '42["joined"'],
    "publish": by_ws(SOCKETIO)
        + ["--pub-send", "40", "--pub-ready", "40{",
           "--template", '42["pub","{room}","{payload}"]'],
}
SIO["member"] = SIO["ws"] + ["--pub", "sub",
                             "--template", '42["pub","{room}","{payload}"]']


class Peer:
    def __init__(self, name, roles, command, lowest=40):
        self.name = name            # as in the tables
        self.roles = roles
        self.command = command      # of Server
        self.lowest = lowest        # messages/s at which a search begins

    def server(self, place):
        return Server(place, self.command)


def modules_path(binary, output):
    """Where Debian's nginx has its modules."""
    for word in output(binary, "-V").split():
        if word.startswith("--modules-path="):
            return word.split("=", 1)[1]
    return "/usr/lib/nginx/modules"


def table(top, build, binary, output):
    """All peers by the name that the command line knows them by."""
    here = top + "/bench/peers/"
    modules = {
        "MODULE": os.environ.get("CHAT_MODULE",
                                 build + "/module/ngx_chat_module.so"),
        "NCHAN": modules_path(binary, output) + "/ngx_nchan_module.so",
    }

    def chat_conf(workers, ssl=""):
        return nginx(binary, here + "chat.conf",
                     dict(modules, WORKERS=workers, SSL=ssl, KEY=build
                          + "/bench/key.pem"))

    chat = chat_conf("1")
    nchan = nginx(binary, here + "nchan.conf", modules)

    def floor(mode):
        return lambda place, port: [build + "/bench/floor", str(port), mode]

    def node(script):
        path = "NODE_PATH=" + build + "/npm/bench/node_modules"
        return lambda place, port: ["env", path, shutil.which("node"),
                                    here + script, str(port)]

    found = {
        "chat-raw": Peer("ngx_chat, `chat_format raw`", CHAT_RAW, chat),
        "chat-v1": Peer("ngx_chat, `chat.v1`", CHAT_V1, chat),
        "chat-raw-tls": Peer("ngx_chat, `chat_format raw`, TLS", CHAT_RAW_TLS,
                             chat_conf("1", "ssl")),
        "chat-raw-2": Peer("ngx_chat, `chat_format raw`, 2 workers", CHAT_RAW,
                           chat_conf("2", "reuseport")),
        "nchan": Peer("nchan", NCHAN, nchan),
        "floor": Peer("bare epoll loop, one `send()` a message", FLOOR,
                      floor("each")),
        "floor-batch": Peer("bare epoll loop, one `send()` a turn", FLOOR,
                            floor("batch")),
        "ws": Peer("npm ws", WS, node("ws.js"), 10),
        "socket.io": Peer("Socket.IO", SIO, node("socketio.js"), 10),
    }
    if os.path.exists(build + "/bench/uws"):
        found["uws"] = Peer("uWebSockets", FLOOR, lambda place, port:
                            [build + "/bench/uws", str(port)])
    return found
