"""What is done to each peer, as options of the load generator."""

MEMBERS = ["--conns", "10000", "--rooms", "1000"]


class Scenario:
    """ROLES are those of peers.py that a peer needs; DEFAULT the peers that
    are measured unless others are asked for; COLUMNS those of report.py."""

    def __init__(self, title, roles, options, columns, default, once=False):
        self.title = title
        self.roles = roles
        self.options = options      # a function of (peer, args)
        self.columns = columns
        self.default = default
        self.once = once            # not repeated because of other load

    def command(self, peer, args):
        found = []
        for role in self.roles:
            found += peer.roles[role]
        if "join" in self.roles:
            found += peer.roles.get("store", peer.roles["post"])
        return found + self.options(peer, args)

    def fits(self, peer):
        return all(role in peer.roles for role in self.roles)


def steady(conns, rooms, rate):
    def options(_, args):
        return ["--conns", str(conns), "--rooms", str(rooms),
                "--rate", str(rate), "--warmup", "1",
                "--secs", str(args.seconds)]
    return options


def search(peer, args):
    return ["--conns", "1000", "--search", "%d:20000" % peer.lowest,
            "--search-p99-ms", "100",
            "--search-secs", str(min(args.seconds, 2))]


def flat_out(*more):
    def options(_, args):
        return ["--conns", "100", "--rate", "0", "--secs", str(args.seconds),
                "--window", "256"] + list(more)
    return options


def idle(_, args):
    return MEMBERS + ["--pub", "none", "--settle-ms", "1000"]


def join(_, args):
    return ["--conns", "1000", "--history", "100"]


LIVE = ["cpu", "relative", "p50", "p99", "coalesced", "lost", "server",
        "generator", "waited", "other"]
LOAD = ["published", "delivered"] + LIVE
NGINX = ["chat-raw", "chat-v1", "nchan"]
ALL = NGINX + ["floor", "floor-batch"]

SCENARIOS = {
    "fanout": Scenario(
        "One room, 1,000 WebSocket subscribers, 100 messages a second",
        ["ws", "publish"], steady(1000, 1, 100), LIVE, ALL),
    "fanout-max": Scenario(
        "One room, 1,000 WebSocket subscribers: the highest rate without loss,"
        " p99 below 100 ms",
        ["ws", "publish"], search, ["best", "delivered"] + LIVE, ALL),
    "sse": Scenario(
        "One room, 1,000 SSE subscribers, 100 messages a second by HTTP",
        ["sse", "post"], steady(1000, 1, 100), LIVE, NGINX),
    "rooms": Scenario(
        "1,000 rooms of 10 members each, who publish 2,000 messages a second"
        " in all",
        ["member"], steady(10000, 1000, 2000), LIVE,
        NGINX + ["floor"]),
    "ingest-ws": Scenario(
        "One room of 100, one WebSocket publishes as fast as it is let,"
        " at most 256 messages under way",
        ["ws", "publish"], flat_out(), LOAD, ALL),
    "ingest-http": Scenario(
        "One room of 100, four keep-alive connections with 16 POSTs under way"
        " on each",
        ["ws", "post"], flat_out("--publishers", "4", "--pipeline", "16"),
        LOAD, NGINX),
    "idle": Scenario(
        "10,000 idle WebSockets in 1,000 rooms",
        ["ws"], idle, ["ready", "pss", "slab", "connects"], NGINX, True),
    "join": Scenario(
        "1,000 WebSockets join a room with 100 stored messages",
        ["join"], join,
        ["replayed", "replay50", "replay99", "total", "perevent", "lost",
         "waited", "other"], NGINX),
}
