#!/usr/bin/env python3
"""Trains the workloads with our trainer and with its peers, taking turns, and writes the table.

    make bench                                     everything, some 25 minutes on two cores
    bench/venv/bin/python bench/run.py --only mlp_ae,vae --threads 1 --peers jax:jit,torch:eager_ftz

All contestants of a workload are made ready first. Then each trains for a window of --seconds, one after the other, in
rounds, until each has had --windows quiet ones: windows in which other processes kept less than 0.06 cores busy. The
median of the quiet windows counts (of the least disturbed, where there are not enough).
Leaves results.json (every window) and RESULTS.md beside this file, or where --out says.
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import time

import report
from workloads import HERE, write_data

TRAINING = ["mlp_tiny", "mlp_ae", "mlp_deep", "vae", "sparse", "conv_mnist", "conv_cifar", "simclr", "lstm_ae",
            "transformer_ae", "rbm", "svae"]
INFERENCE = ["mlp_ae_encoder", "conv_mnist_recon"]
OTHER = ["word2vec"]
TORCH = ["torch:" + b + c + z for b in ("eager", "plain", "compile", "step") for c in ("", "_nhwc") for z in ("", "_ftz")]
JAX = ["jax:jit", "jax:scan"]
PROGRAM = {"torch": "peer_torch.py", "jax": "peer_jax.py", "onnxruntime": "peer_misc.py", "gensim": "peer_misc.py",
           "gensim_file": "peer_misc.py"}
# The modes that were best in a run of all of them (--peers all), or near it; --peers chooses others.
BEST = {w: ["jax:jit", "torch:eager_ftz", "torch:step_ftz"] for w in TRAINING}
BEST.update({w: ["jax:jit", "torch:eager_nhwc_ftz", "torch:step_nhwc_ftz"] for w in ("conv_mnist", "conv_cifar", "simclr")})
BEST.update({w: ["jax:jit", "jax:scan", "torch:step_ftz"] for w in ("mlp_tiny", "lstm_ae")})
BEST["rbm"] = ["jax:jit", "torch:eager_ftz", "torch:compile_ftz"]
BEST.update({"svae": ["torch:eager_ftz"], "word2vec": ["gensim_file"]})
BEST.update({w: ["onnxruntime", "torch:compile", "jax:jit"] for w in INFERENCE})
VIEWS = {"simclr": 2}               # rows that a peer counts for one of ours
QUIET = 0.06                        # cores
PYTHON = sys.executable
BUILD = os.path.join(HERE, "build")
AEC = os.path.join(HERE, os.pardir, "build", "aec")


def known_peers(workload):
    if workload in INFERENCE:
        return ["onnxruntime", "torch:eager", "torch:compile", "jax:jit"]
    if workload == "word2vec":
        return ["gensim", "gensim_file"]
    if workload == "svae":
        return ["torch:eager", "torch:eager_ftz", "torch:plain"]
    nhwc = workload in ("conv_mnist", "conv_cifar", "simclr")
    rbm = workload == "rbm"
    return [p for p in JAX + TORCH if ("nhwc" not in p or nhwc) and (not rbm or p.split(":")[1].split("_")[0] not in ("step", "plain"))]


# ---- how busy others are ---------------------------------------------------------------------------------
TICK = os.sysconf("SC_CLK_TCK")


def all_busy():
    with open("/proc/stat") as f:
        v = [int(x) for x in f.readline().split()[1:9]]
    return (v[0] + v[1] + v[2] + v[5] + v[6] + v[7]) / TICK


def busy_of(pid):
    with open("/proc/%d/stat" % pid) as f:
        v = f.read().rsplit(")", 1)[1].split()
    return (int(v[11]) + int(v[12])) / TICK


# ---- contestants: ready(), window(seconds) -> a result, leave() -> memory ------------------------------------
class Peer:
    """A program that answers a number of seconds by a line of JSON; see measure.py."""

    def __init__(self, name, workload, threads, batch):
        self.name = name
        kind, _, mode = name.partition(":")
        env = dict(os.environ, TORCHINDUCTOR_CACHE_DIR=os.path.join(BUILD, "inductor"))
        self.command([PYTHON, os.path.join(HERE, PROGRAM[kind]), "--mode", mode or kind, "--workload", workload,
                      "--threads", str(threads), "--batch", str(batch)], env)

    def command(self, words, env=None):
        self.errors = open(os.path.join(BUILD, "errors.txt"), "w+")
        self.p = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, env=env)
        self.about = self.answer()

    def answer(self):
        for line in self.p.stdout:
            if line.startswith("{"):
                return json.loads(line)
        self.errors.seek(0)
        raise RuntimeError("%s failed: %s" % (self.name, self.errors.read().strip()[-600:]))

    def window(self, seconds):
        before, own = all_busy(), busy_of(self.p.pid)
        begun = time.perf_counter()
        self.p.stdin.write("%g\n" % seconds)
        self.p.stdin.flush()
        r = self.answer()
        took = time.perf_counter() - begun
        r["foreign_cores"] = round(max(0.0, all_busy() - before - busy_of(self.p.pid) + own) / took, 3)
        return r

    def leave(self):
        self.p.stdin.close()
        self.about.update(self.answer())
        self.p.wait()


class Ours:
    """`BIN bench`, started anew for each window."""
    name = "aec"

    def __init__(self, workload, threads):
        self.binary = os.path.join(BUILD, workload)
        cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "aec")
        for kept in glob.glob(os.path.join(cache, workload + "-*")):
            os.remove(kept)             # the first step counts from the text
        begun = time.perf_counter()
        subprocess.run([AEC, "build", os.path.join(HERE, workload + ".ae"), "-o", self.binary], check=True)
        self.about = {"build_s": round(time.perf_counter() - begun, 2)}
        self.threads, self.views = threads, VIEWS.get(workload, 1)

    def bench(self, *more):
        out = subprocess.run([self.binary, "bench", "--json", "--threads", str(self.threads), *more],
                             check=True, stdout=subprocess.PIPE, text=True).stdout
        return json.loads(out)

    def window(self, seconds):
        usage = os.times()
        before, own, begun = all_busy(), usage.children_user + usage.children_system, time.perf_counter()
        r = self.bench("--seconds", str(seconds), "--windows", "1")
        usage, took = os.times(), time.perf_counter() - begun
        own = usage.children_user + usage.children_system - own
        r["foreign_cores"] = round(max(0.0, all_busy() - before - own) / took, 3)
        r["step_ms"] = r.pop("step_ms_median")
        r["samples_per_s"] *= self.views
        del r["windows"]
        return r

    def leave(self):
        pass


class OurCalls(Peer):
    """The C driver of infer.c, linked with the emitted model."""

    def __init__(self, workload, threads, batch):
        self.name = "aec"
        model, program = CALLS[workload]
        self.command([build_driver(model, batch), program, str(batch)], dict(os.environ, OMP_NUM_THREADS=str(threads)))


CALLS = {"mlp_ae_encoder": ("mlp_ae", "encode"), "conv_mnist_recon": ("conv_mnist", "reconstruct")}


def build_driver(model, batch):
    """The emitted program, made for such batches, as a library, and infer.c with it."""
    name = "%s_%d" % (model, batch)
    folder, binary = os.path.join(BUILD, name + ".emitted"), os.path.join(BUILD, name + "_infer")
    library = "lib%s.a" % model
    subprocess.run([AEC, "emit", os.path.join(HERE, model + ".ae"), "-D", "rows=%d" % batch, "-o", folder], check=True)
    subprocess.run(["make", "-s", "-j2", "-C", folder, library], check=True)
    subprocess.run(["gcc", "-O2", "-I", folder, os.path.join(HERE, "infer.c"), os.path.join(folder, library), "-fopenmp", "-lm",
                    "-o", binary], check=True)
    return binary


def contestant(name, workload, threads, batch):
    if name != "aec":
        return Peer(name, workload, threads, batch)
    return OurCalls(workload, threads, batch) if workload in INFERENCE else Ours(workload, threads)


# ---- one workload ----------------------------------------------------------------------------------------------
def take_turns(contestants, seconds, windows):
    taken = {c.name: [] for c in contestants}

    def enough(c):
        return sum(w["foreign_cores"] <= QUIET for w in taken[c.name]) >= windows
    for _ in range(2 * windows):
        for c in contestants:
            if not enough(c):
                taken[c.name].append(c.window(seconds))
    return taken


def summary(windows):
    order = sorted(windows, key=lambda w: w["foreign_cores"])
    used = [w for w in order if w["foreign_cores"] <= QUIET] or order[:max(1, (len(order) + 1) // 2)]
    middle = {}
    for key, value in used[0].items():
        values = [w[key] for w in used if isinstance(w.get(key), (int, float))]
        if values and len(values) == len(used):
            middle[key] = statistics.median(values)
    middle["quiet"] = all(w["foreign_cores"] <= QUIET for w in used)
    middle["windows"] = [round(w["samples_per_s"], 1) for w in windows]
    middle["foreign"] = [w["foreign_cores"] for w in windows]
    return middle


def measure(workload, threads, batch, names, seconds, windows):
    ready, rows = [], []
    for name in names:
        try:
            ready.append(contestant(name, workload, threads, batch))
        except (RuntimeError, OSError, subprocess.CalledProcessError) as e:
            rows.append({"who": name, "error": str(e)})
    taken = take_turns(ready, seconds, windows)
    for c in ready:
        c.leave()
        rows.append({"who": c.name, **summary(taken[c.name]), **c.about})
    for row in rows:
        row.update(workload=workload, threads=threads)
        if workload in INFERENCE:
            row["batch"] = batch
    return rows


def say(row):
    if "error" in row:
        print("%-16s %d  %-20s %s" % (row["workload"], row["threads"], row["who"], row["error"]), flush=True)
        return
    print("%-16s %d  %-20s %12.1f /s  %10.4f ms  first %6.2f s  %6.1f MB  foreign %s" % (
        row["workload"], row["threads"], row["who"], row["samples_per_s"], row["step_ms"], row["first_step_s"] + row.get("build_s", 0),
        row["peak_rss_mb"], row["foreign"]), flush=True)


# ---- the same number of steps, the same losses? ---------------------------------------------------------------------
def compare_losses(workload, steps):
    ours = Ours(workload, 1).bench("-n", str(steps))
    out = subprocess.run([PYTHON, os.path.join(HERE, PROGRAM["torch"]), "--workload", workload, "--threads", "2",
                          "--mode", "eager_ftz", "--steps", str(steps)], check=True, stdout=subprocess.PIPE, text=True).stdout
    theirs = json.loads(out)
    return {"workload": workload, "steps": steps, "aec": [ours["loss_first"], ours["loss_last"]],
            "torch": [theirs["loss_first"], theirs["loss_last"]]}


# ---- the whole --------------------------------------------------------------------------------------------------------
def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", default="", help="workloads, with commas between")
    p.add_argument("--threads", default="1,2")
    p.add_argument("--seconds", type=float, default=1.0, help="of a window")
    p.add_argument("--windows", type=int, default=3, help="quiet ones that each is to have")
    p.add_argument("--peers", default="best", help="best, all, none, or such as jax:jit,torch:eager_ftz,onnxruntime")
    p.add_argument("--steps", type=int, default=0, help="compare the losses with PyTorch's after so many steps, and no speed")
    p.add_argument("--out", default=HERE, help="folder for results.json and RESULTS.md")
    return p.parse_args()


def peers_of(workload, which):
    if which == "best":
        return BEST[workload]
    if which in ("all", "none"):
        return known_peers(workload) if which == "all" else []
    return [p for p in which.split(",") if p in known_peers(workload)]


def main():
    args = arguments()
    everything = TRAINING + INFERENCE + OTHER
    chosen = args.only.split(",") if args.only else everything
    for w in chosen:
        if w not in everything:
            sys.exit("there is no workload %s; there are %s" % (w, " ".join(everything)))
    write_data()
    os.makedirs(BUILD, exist_ok=True)
    os.makedirs(args.out, exist_ok=True)
    Ours("mlp_tiny", 1)                 # its runtime is compiled once, and not in anybody's time
    results = report.load(args.out)
    for w in chosen:
        if args.steps:
            if w in TRAINING:
                row = compare_losses(w, args.steps)
                print("%-16s after %d steps: aec %s, torch %s" % (w, args.steps, row["aec"], row["torch"]), flush=True)
                report.put(results, "losses", row, ("workload",))
                report.save(results, args.out)
            continue
        ours = ["aec"] if w in INFERENCE or os.path.exists(os.path.join(HERE, w + ".ae")) else []
        for threads in (int(t) for t in args.threads.split(",")):
            for batch in (1, 128) if w in INFERENCE else (0,):
                for row in measure(w, threads, batch, ours + peers_of(w, args.peers), args.seconds, args.windows):
                    say(row)
                    report.put(results, "rows", row, ("workload", "threads", "batch", "who"))
                report.save(results, args.out)


if __name__ == "__main__":
    main()
