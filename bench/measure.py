"""What the peer programs share: the order of rows, and windows of timed steps on demand.

A peer says on its first line what it is and how long its first step took. Then it reads numbers, one a line: for each it
trains that many seconds and answers with a line of JSON. At the end of its input it says how much memory it used. So
run.py can keep several peers ready and let them take turns. Only the standard library is imported here, so that the
cost of a framework's own import is seen in first_step_s.
"""
import argparse
import json
import os
import resource
import statistics
import sys
import time


def arguments(about, modes):
    p = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--workload", required=True)
    p.add_argument("--mode", default=modes[0], choices=modes)
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--batch", type=int, default=1, help="of an inference workload")
    p.add_argument("--steps", type=int, default=0, help="do this many steps, print the losses, leave")
    return p.parse_args()


def say(**fields):
    print(json.dumps(fields), flush=True)


def process_age():
    """Seconds since this process was started (Linux; to 10 ms)."""
    with open("/proc/self/stat") as f:
        start_ticks = int(f.read().rsplit(")", 1)[1].split()[19])
    with open("/proc/uptime") as f:
        uptime = float(f.read().split()[0])
    return uptime - start_ticks / os.sysconf("SC_CLK_TCK")


def limit_cpus(threads):
    """Bind the process to so many cores, for frameworks that size their pools from the machine."""
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:threads]))


class Batches:
    """Shuffled minibatch indices without end: a new permutation each epoch, the last part of a batch dropped."""

    def __init__(self, n, batch, permute):
        self.n, self.batch, self.permute = n, batch, permute
        self.pos = n                # forces a permutation at the first call

    def next(self):
        if self.pos + self.batch > self.n:
            self.perm = self.permute(self.n)
            self.pos = 0
        i = self.perm[self.pos:self.pos + self.batch]
        self.pos += self.batch
        return i


def losses(step, fetch, first, steps, steps_a_call=1):
    """The loss of the first step, and the mean of the last ten calls' after `steps` steps."""
    seen = [first]
    while len(seen) * steps_a_call < steps:
        seen.append(fetch(step()))
    return {"loss_first": seen[0], "loss_last": statistics.mean(seen[-10:])}


def serve(step, fetch, samples, steps_a_call=1, **about):
    """Answers windows of `step()`, which gives a handle of its loss, and `fetch(handle)`, which waits for it.

    Steps run in chunks of some 30 ms with one wait at the end of each, so an asynchronous framework may run ahead.
    """
    begun, calls = time.perf_counter(), 0
    while (calls < 10 or time.perf_counter() - begun < 0.5) and (calls < 3 or time.perf_counter() - begun < 10):
        last = step()
        calls += 1
        if calls % 8 == 0:
            fetch(last)
    fetch(last)
    chunk = max(1, round(0.03 * calls / (time.perf_counter() - begun)))
    say(**about)
    for line in sys.stdin:
        seconds, done, took = float(line), 0, []
        begun = before = time.perf_counter()
        while before - begun < seconds:
            for _ in range(chunk):
                last = step()
            loss = fetch(last)
            after = time.perf_counter()
            took.append((after - before) / (chunk * steps_a_call))
            before, done = after, done + chunk * steps_a_call
        say(samples_per_s=done * samples / (before - begun), step_ms=1e3 * statistics.median(took), loss=loss)
    finish()


def serve_calls(call, samples, **about):
    """The same for complete single calls: the median time of one."""
    for _ in range(50):
        call()
    say(**about)
    for line in sys.stdin:
        seconds, took = float(line), []
        begun = after = time.perf_counter()
        while after - begun < seconds:
            before = time.perf_counter()
            call()
            after = time.perf_counter()
            took.append(after - before)
        median = statistics.median(took)
        say(samples_per_s=samples / median, step_ms=1e3 * median)
    finish()


def finish():
    say(peak_rss_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1))
    sys.stdout.flush()
    os._exit(0)                     # pools of compiling workers can take seconds to close
