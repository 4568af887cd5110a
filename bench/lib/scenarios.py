"""What is done to each peer, as options of the load generator."""

MEMBERS = ["--conns", "10000", "--rooms", "1000"]


class Scenario:
    """ROLES are those of peers.py that a peer needs; DEFAULT the peers that
    are measured unless others are asked for; COLUMNS those of report.py."""

    def __init__(self, title, roles, options, columns, default, once=False,
                 reference="nchan"):
        self.title = title
        self.roles = roles
        self.options = options      # a function of (peer, args)
        self.columns = columns
        self.default = default
        self.once = once            # not repeated because of other load
        self.reference = reference  # of the column "relative"

    def command(self, peer, args):
        found = []
        for role in self.roles:
            found += peer.roles[role]
        if "join" in self.roles:
            found += peer.roles.get("store", peer.roles["post"])
        return found + self.options(peer, args)

    def fits(self, peer):
        return all(role in peer.roles for role in self.roles)


def steady(conns, rooms, rate, *more):
    def options(_, args):
        return ["--conns", str(conns), "--rooms", str(rooms),
                "--rate", str(rate), "--warmup", "1",
                "--secs", str(args.seconds)] + list(more)
    return options


def stalled(_, args):
    return ["--conns", "1100", "--stalled", "100", "--rate", "500",
            "--warmup", "1", "--secs", str(args.seconds)]


def alone(*more):
    def options(_, args):
        return ["--conns", "1", "--rate", "0", "--warmup", "5",
                "--secs", str(args.seconds * 10), "--window", "256"] \
            + list(more)
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
ALL = NGINX + ["floor", "floor-batch", "uws"]
GROWTH = ["messages", "published", "perevent", "growth", "lost", "waited",
          "other"]

# subscribers and rooms, messages a second: some 20,000 deliveries a second
SIZES = [(10, 1, 2000), (100, 1, 200), (1000, 1, 20), (15000, 1, 2),
         (10, 10, 2000), (1000, 100, 2000), (10000, 5000, 2000)]

SCENARIOS = {
    "fanout": Scenario(
        "One room, 1,000 WebSocket subscribers, 100 messages a second",
        ["ws", "publish"], steady(1000, 1, 100), LIVE, ALL,
        reference="floor"),
    "fanout-max": Scenario(
        "One room, 1,000 WebSocket subscribers: the highest rate without loss,"
        " p99 below 100 ms",
        ["ws", "publish"], search, ["best", "delivered"] + LIVE, ALL),
    "sse": Scenario(
        "One room, 1,000 SSE subscribers, 100 messages a second by HTTP",
        ["sse", "post"], steady(1000, 1, 100), LIVE, NGINX),
    "busy-ws": Scenario(
        "One room, 1,000 WebSocket subscribers, 2,000 messages a second by"
        " HTTP",
        ["ws", "post"], steady(1000, 1, 2000, "--pipeline", "64"), LIVE,
        ["chat-raw", "chat-v1"]),
    "busy-sse": Scenario(
        "The same to 1,000 SSE subscribers",
        ["sse", "post"], steady(1000, 1, 2000, "--pipeline", "64"), LIVE,
        ["chat-raw", "chat-v1"]),
    "rooms": Scenario(
        "1,000 rooms of 10 members each, who publish 2,000 messages a second"
        " in all",
        ["member"], steady(10000, 1000, 2000), LIVE,
        NGINX + ["floor", "uws"], reference="floor"),
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
        ["ws"], idle, ["ready", "pss", "slab", "connects"],
        NGINX + ["chat-raw-tls", "floor", "uws"], True),
    "idle-sse": Scenario(
        "10,000 idle event streams in 1,000 rooms",
        ["sse"], idle, ["ready", "pss", "slab", "connects"], NGINX, True),
    "stalled": Scenario(
        "One room, 1,000 WebSocket subscribers and 100 that read nothing,"
        " 500 messages a second",
        ["ws", "publish"], stalled, LIVE + ["growth"],
        ["chat-raw", "chat-v1"]),
    "stalled-none": Scenario(
        "The same without the 100",
        ["ws", "publish"], steady(1000, 1, 500), LIVE + ["growth"],
        ["chat-raw", "chat-v1"]),
    "tls": Scenario(
        "One room, 1,000 WebSocket subscribers, 100 messages a second, with"
        " and without TLS",
        ["ws", "publish"], steady(1000, 1, 100), LIVE,
        ["chat-raw", "chat-raw-tls"], reference="chat-raw"),
    "workers": Scenario(
        "One room, 1,000 WebSocket subscribers, 100 messages a second, by one"
        " worker and by two",
        ["ws", "publish"], steady(1000, 1, 100), LIVE,
        ["chat-raw", "chat-raw-2"], reference="chat-raw"),
    "long-ws": Scenario(
        "One WebSocket, which publishes and receives flat out: memory",
        ["member"], alone(), GROWTH, ["chat-raw", "chat-v1"], True),
    "long-sse": Scenario(
        "One event stream, to which one connection posts flat out: memory",
        ["sse", "post"], alone("--pipeline", "64"), GROWTH,
        ["chat-raw", "chat-v1"], True),
    "join": Scenario(
        "1,000 WebSockets join a room with 100 stored messages",
        ["join"], join,
        ["replayed", "replay50", "replay99", "total", "perevent", "lost",
         "waited", "other"], NGINX),
}


def size(conns, rooms, rate):
    """Each room has had a message before it counts."""
    def options(_, args):
        return ["--conns", str(conns), "--rooms", str(rooms),
                "--rate", str(rate), "--warmup", str(1 + rooms / rate),
                "--secs", str(args.seconds)]
    return options


for conns, rooms, rate in SIZES:
    SCENARIOS["size-%d-%d" % (conns, rooms)] = Scenario(
        "%s in %s, %s messages a second in all" % (
            "{:,} WebSockets".format(conns),
            "one room" if rooms == 1 else "{:,} rooms".format(rooms),
            "{:,}".format(rate)),
        ["member"], size(conns, rooms, rate), LIVE,
        ["chat-raw", "floor"], reference="floor")
