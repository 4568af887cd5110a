"""Medians of the rounds as Markdown."""

import statistics


class Column:
    def __init__(self, title, value, form):
        self.title = title
        self.value = value          # a function of a result
        self.form = form            # a function of a number


def number(digits):
    return lambda x: "{:,.{}f}".format(x, digits)


def member(*path):
    def value(result):
        for name in path:
            result = result.get(name) if isinstance(result, dict) else None
        return result
    return value


def scaled(value, factor):
    def scale(result):
        x = value(result)
        return None if x is None else x * factor
    return scale


COLUMNS = {
    "best": Column("messages/s held", member("best_rate"), number(0)),
    "published": Column("messages/s", member("pub_per_s"), number(0)),
    "delivered": Column("deliveries/s", member("deliv_per_s"), number(0)),
    "cpu": Column("server CPU, µs/delivery", member("cpu_us_per_delivery"),
                  number(2)),
    "p50": Column("p50 ms", scaled(member("lat_us", "p50"), 1e-3), number(1)),
    "p99": Column("p99 ms", scaled(member("lat_us", "p99"), 1e-3), number(1)),
    "coalesced": Column("messages/read", member("msgs_per_read"), number(1)),
    "lost": Column("lost", member("lost"), number(0)),
    "server": Column("server %", member("srv_cpu_pct"), number(0)),
    "generator": Column("generator %", member("gen_cpu_pct"), number(0)),
    "waited": Column("waited %", lambda r: max(r["srv_wait_pct"],
                                               r["gen_wait_pct"]), number(0)),
    "other": Column("others %", member("other_cpu_pct"), number(0)),
    "ready": Column("sockets", member("ready"), number(0)),
    "pss": Column("PSS, bytes/socket", member("idle_bytes_per_conn_pss"),
                  number(0)),
    "slab": Column("kernel slab, bytes/socket, both ends",
                   member("slab_bytes_per_conn"), number(0)),
    "connects": Column("connects/s", member("connect_rate"), number(0)),
    "replayed": Column("replayed", member("unique"), number(0)),
    "replay50": Column("client p50 ms", member("replay_ms", "p50"), number(0)),
    "replay99": Column("client p99 ms", member("replay_ms", "p99"), number(0)),
    "total": Column("all s", member("rx_s"), number(2)),
    "messages": Column("messages", member("published"), number(0)),
    "growth": Column("PSS, KB more", lambda r: r["pss_kb"]["end"]
                     - r["pss_kb"]["idle"], number(0)),
    "perevent": Column("server CPU, µs/message",
                       member("cpu_us_per_delivery"), number(2)),
}


def spread(values, form):
    values = [x for x in values if x is not None]
    if not values:
        return "-"
    text = form(statistics.median(values))
    low, high = form(min(values)), form(max(values))
    return text if low == high else "%s [%s…%s]" % (text, low, high)


def quality(result):
    """Less is better: a search that found nothing, then by waiting."""
    return (result.get("best_rate") == 0,
            COLUMNS["waited"].value(result), result["other_cpu_pct"])


def chosen(results, scenario):
    """Of the tries of a round the least disturbed one:
    {peer: {round: result}}."""
    found = {}
    for result in results:
        if result["scenario"] != scenario or result.get("step"):
            continue
        rounds = found.setdefault(result["peer"], {})
        best = rounds.get(result["round"])
        if best is None or quality(result) < quality(best):
            rounds[result["round"]] = result
    return found


def median(rounds, column):
    values = [COLUMNS[column].value(r) for r in rounds.values()]
    values = [x for x in values if x is not None]
    return statistics.median(values) if values else None


def relative(rounds, reference):
    """CPU of a delivery against the reference's of the same round."""
    ratios = []
    for number_, result in rounds.items():
        other = reference.get(number_)
        if other and other["cpu_us_per_delivery"]:
            ratios.append(result["cpu_us_per_delivery"]
                          / other["cpu_us_per_delivery"])
    return ratios


def rows(found, scenario, peers, reference):
    head = ["", "n"]
    for name in scenario.columns:
        if name != "relative":
            head.append(COLUMNS[name].title)
        elif reference in found:
            head.append("× %s" % reference)
    yield head

    for key, rounds in found.items():
        row = [peers[key].name, str(len(rounds))]
        for name in scenario.columns:
            if name == "relative":
                if reference in found:
                    row.append(spread(relative(rounds, found[reference]),
                                      number(2)))
                continue
            column = COLUMNS[name]
            row.append(spread([column.value(r) for r in rounds.values()],
                              column.form))
        yield row


def markdown(results, scenarios, peers):
    lines = []
    for key, scenario in scenarios.items():
        found = chosen(results, key)
        if not found:
            continue
        lines += ["", "### %s" % scenario.title, ""]
        table = list(rows(found, scenario, peers, scenario.reference))
        lines.append("| " + " | ".join(table[0]) + " |")
        lines.append("|---|" + "---:|" * (len(table[0]) - 1))
        lines += ["| " + " | ".join(row) + " |" for row in table[1:]]
        used = [r for rounds in found.values() for r in rounds.values()]
        bad = [r for r in used if r["disturbed"]]
        if bad and not scenario.once:
            lines += ["", "%d of these %d runs were disturbed in every try."
                      % (len(bad), len(used))]
    return "\n".join(lines) + "\n"


def preamble(machine):
    v = machine["versions"]
    names = [("nginx", v["nginx"]), ("Debian's package", v["nginx_package"]),
             ("this module", v["module"]), ("nchan", v["nchan"]),
             ("gcc", v["gcc"]), ("node", v["node"]), ("ws", v["ws"]),
             ("Socket.IO", v["socket.io"]),
             ("uWebSockets", v.get("uWebSockets"))]
    hw = machine["hardware"]
    options = machine["options"]
    return """# Measured %s

- %s (family %s, model %s), %d CPUs%s, %d MB, Linux %s, %s
- %s
- One worker; %s; loopback, plain TCP, no compression; payload of %d bytes
- Rounds: %s, the peers in turn; medians [lowest…highest]. `others %%`: CPU that
  other processes took meanwhile, in %% of one CPU; `waited %%`: how long the server
  or the generator (the greater) was kept from running by them. With more than
  %d %% and 3 %% a run is disturbed and done again, %d tries in all, of which the
  least disturbed counts%s.

      %s
""" % (machine["date"], hw["cpu"], hw["cpu_family"], hw["cpu_model"],
       hw["cpus"], " (virtual)" if hw["virtual"] else "", hw["memory_mb"],
       hw["kernel"], hw["system"],
       ", ".join("%s %s" % n for n in names if n[1]),
       "server on CPU %s, generator on CPU %s" % tuple(machine["pinned"])
       if machine["pinned"] else "nothing pinned",
       options["payload"], options["rounds"], options["noise"],
       options["tries"], "; server and generator have nice %d"
       % options["nice"] if options["nice"] else "", machine["command"])
