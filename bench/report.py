"""results.json, and RESULTS.md made of it. A later run of some workloads replaces their rows and leaves the others."""
import json
import math
import os
import platform
import subprocess
import time

import workloads


def load(folder):
    path = os.path.join(folder, "results.json")
    if not os.path.exists(path):
        return {"rows": [], "losses": []}
    with open(path) as f:
        return json.load(f)


def put(results, table, row, key):
    def name(r):
        return [r.get(k) for k in key]
    results[table] = [r for r in results[table] if name(r) != name(row)] + [row]


def first_line(*command):
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.splitlines()[0]
    except (OSError, IndexError):
        return "unknown"


def machine():
    with open("/proc/cpuinfo") as f:
        lines = dict(line.split(":", 1) for line in f if ":" in line)
    model = next((v.strip() for k, v in lines.items() if k.strip() == "model name"), "unknown")
    flags = next((v.split() for k, v in lines.items() if k.strip() == "flags"), [])
    widest = next((f for f in ("avx512f", "avx2", "avx", "sse2") if f in flags), "")
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) / 2 ** 20
    return "%s, %d cores, %s, %.0f GB" % (model, os.cpu_count(), widest, memory)


def versions(rows):
    seen = {r["who"].split(":")[0].replace("gensim_file", "gensim"): r["version"] for r in rows if r.get("version")}
    seen["python"] = platform.python_version()
    return ", ".join("%s %s" % v for v in sorted(seen.items())) + "; " + first_line(os.environ.get("CC", "gcc"), "--version")


def save(results, folder):
    good = [r for r in results["rows"] if "error" not in r]
    results["machine"] = machine()
    results["versions"] = versions(good)
    results["date"] = time.strftime("%Y-%m-%d")
    with open(os.path.join(folder, "results.json"), "w") as f:
        json.dump(results, f, indent=1)
        f.write("\n")
    with open(os.path.join(folder, "RESULTS.md"), "w") as f:
        f.write(page(results, good))


# ---- the page ----------------------------------------------------------------------------------------------
def number(v, digits=3):
    if v is None:
        return ""
    return "{:,.0f}".format(v).replace(",", " ") if abs(v) >= 1000 else "%.*g" % (digits, v)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
    return "\n".join(lines + ["| " + " | ".join(r) + " |" for r in rows]) + "\n"


def pairs(rows):
    """(ours, the best peer) for every workload, thread count and batch, in the order in which they were run."""
    keys = dict.fromkeys((r["workload"], r["threads"], r.get("batch")) for r in rows)
    for key in keys:
        same = [r for r in rows if (r["workload"], r["threads"], r.get("batch")) == key]
        ours = next((r for r in same if r["who"] == "aec"), None)
        peers = sorted((r for r in same if r["who"] != "aec"), key=lambda r: -r["samples_per_s"])
        yield key, ours, peers[0] if peers else None


def first(r):
    return r["first_step_s"] + r.get("build_s", 0)


def training(rows, threads):
    out, ratios, restless = [], [], False
    for (workload, t, batch), ours, peer in pairs(rows):
        if t != threads or batch is not None or not ours or workload == "word2vec":
            continue
        ratio = ours["samples_per_s"] / peer["samples_per_s"] if peer else None
        ratios += [ratio] if ratio else []
        star = "" if ours["quiet"] and (not peer or peer["quiet"]) else " *"
        restless |= bool(star)
        peak = ours.get("share_of_peak")
        out.append([workload + star, number(ours["samples_per_s"]), number(ours["step_ms"]), number(ours.get("gflops")),
                    "%.0f %%" % (100 * peak) if peak else "", peer["who"] if peer else "",
                    number(peer["samples_per_s"]) if peer else "", "**%.2f**" % ratio if ratio else "",
                    "%.1f / %.1f" % (first(ours), first(peer)) if peer else "%.1f" % first(ours),
                    "%.0f / %.0f" % (ours["peak_rss_mb"], peer["peak_rss_mb"]) if peer else "%.0f" % ours["peak_rss_mb"],
                    "%.0f" % (ours["peak_rss_mb"] - workloads.data_mb(workload))])
    if not out:
        return ""
    text = "## %d thread%s\n\n" % (threads, "" if threads == 1 else "s")
    text += table(["workload", "aec samples/s", "ms a step", "GFLOP/s", "of the peak", "best peer", "samples/s", "ratio",
                   "first step, s (aec / peer)", "memory, MB (aec / peer)", "aec without its data"], out)
    if ratios:
        text += "\nGeometric mean of the ratios: **%.2f**\n" % math.exp(sum(map(math.log, ratios)) / len(ratios))
    return text + ("\n\\* other processes were busy in every window\n" if restless else "") + "\n"


def scaling(rows):
    ours = {(r["workload"], r["threads"]): r["samples_per_s"] for r in rows if r["who"] == "aec" and "batch" not in r}
    out = [[w, "%.2f" % (ours[w, 2] / v)] for (w, t), v in ours.items() if t == 1 and (w, 2) in ours]
    return "## From 1 to 2 threads\n\n" + table(["workload", "aec times as fast"], out) + "\n" if out else ""


def inference(rows):
    out = []
    for (workload, threads, batch), ours, peer in pairs(rows):
        if batch is None or not (ours and peer):
            continue
        out.append([workload, str(batch), str(threads), number(1e3 * ours["step_ms"]), peer["who"], number(1e3 * peer["step_ms"]),
                    "**%.2f**" % (peer["step_ms"] / ours["step_ms"])])
    if not out:
        return ""
    return "## Inference\n\n" + table(["model", "batch", "threads", "aec us a call", "best peer", "us a call", "ratio"], out) + "\n"


def words(rows):
    out = []
    for (workload, threads, _), ours, peer in pairs(rows):
        if workload == "word2vec" and peer:
            out.append([str(threads), number(ours["samples_per_s"]) if ours else "", peer["who"], number(peer["samples_per_s"]),
                        "**%.2f**" % (ours["samples_per_s"] / peer["samples_per_s"]) if ours else ""])
    return "## word2vec\n\n" + table(["threads", "aec words/s", "best peer", "words/s", "ratio"], out) + "\n" if out else ""


def losses(results):
    out = [[r["workload"], str(r["steps"])] + [number(v, 4) for who in ("aec", "torch") for v in r[who]] for r in results["losses"]]
    if not out:
        return ""
    return ("## Losses\n\nOf the first step, and the mean of the last ten, after as many steps of each (initial weights differ).\n\n"
            + table(["workload", "steps", "aec first", "aec last", "torch first", "torch last"], out) + "\n")


def others(rows):
    out = [[r["workload"], str(r["threads"]), str(r.get("batch", "")), r["who"], number(r["samples_per_s"]), number(r["step_ms"]),
            "%.2f" % first(r), "%.0f" % r["peak_rss_mb"]] for r in rows]
    return "## Everything that ran\n\n" + table(
        ["workload", "threads", "batch", "who", "samples/s", "ms", "first step, s", "memory, MB"], out)


def page(results, rows):
    peak = [r["machine_gflops"] / r["threads"] for r in rows if r.get("machine_gflops")]
    text = "# Measured beside its peers\n\n%s, on a %s.\n%s.\n" % (results["date"], results["machine"], results["versions"])
    if peak:
        text += "A core does at most %.0f to %.0f GFLOP/s of multiply-adds, measured by the trainer between its windows.\n" % (
            min(peak), max(peak))
    text += "How it is measured, and what the numbers mean, is in [docs/performance.md](../docs/performance.md).\n\n"
    threads = sorted({r["threads"] for r in rows})
    text += "".join(training(rows, t) for t in threads) + scaling(rows) + words(rows) + inference(rows) + losses(results)
    return text + others(rows)
