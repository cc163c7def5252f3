"""check.py AEC FOLDER EXAMPLE.ae ... -- exports every program of the examples and compares ONNX Runtime with the trainer.

Needs onnx, onnxruntime and numpy (`make peers` installs them into bench/venv); nothing in `make check` does:

    bench/venv/bin/python tests/onnx/check.py build/aec build/tests/onnx-runtime examples/*.ae

An epoch of training, then 13 random rows, of random lengths where the model has those, and one row alone. What differs by
1e-5 of the largest number, or of 1, is wrong.
"""
import json
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime

ROWS, PROGRAMS = 13, ("encode", "decode", "reconstruct", "predict")
threads = onnxruntime.SessionOptions()
threads.intra_op_num_threads = 1
onnxruntime.set_default_logger_severity(3)


def run(*words):
    return subprocess.run(words, capture_output=True, text=True)


def needed(*words):
    ran = run(*words)
    if ran.returncode:
        raise RuntimeError(ran.stderr.strip().splitlines()[-1])
    return ran.stdout


def make_rows(inputs, folder, wanted, draw):
    """What each input gets, by name, and the files of the same for the trainer, where -1 or nan ends a row."""
    feed, files = {}, []
    for i in inputs:
        name, shape = i["name"], [ROWS, *i["shape"]]
        if i["label"] and name not in wanted and i["kind"] != "class":
            continue
        x = np.full(shape, i["classes"] - 1) if i["label"] and name not in wanted else draw.integers(min(1, i["classes"] - 1), i["classes"], shape, np.int32) if i["classes"] else draw.random(shape, np.float32)
        written = x.copy()
        if "length_" + name in wanted:
            length = feed["length_" + name] = draw.integers(1, shape[1] + 1, ROWS)
            for n in range(ROWS):
                x[n, length[n]:] = 0
                written[n, length[n]:] = -1 if i["classes"] else np.nan
        feed[name] = x.astype(np.int64) if i["classes"] else x
        files.append(f"{folder}/{name}.npy")
        np.save(files[-1], written)
    return feed, ["--test", *files, "--split", "test", "--scaled"] if files else []


def within(a, length):
    """a, with what lies beyond the lengths of its rows, which nobody computes, as 0."""
    if length is not None and a.ndim > 1 and a.shape[1] >= length.max():
        a = a.copy()
        for n in range(len(a)):
            a[n, length[n]:] = 0
    return a


def compare(trainer, weights, folder, program, session, feed, files):
    feed = dict(feed)
    if program == "decode":
        needed(trainer, "encode", *files, *weights, "-o", f"{folder}/z.npy")
        z = np.load(f"{folder}/z.npy")
        for i in session.get_inputs():
            if i.name.startswith("length_"):        # without data nothing is shorter than it may be
                feed[i.name] = np.full(ROWS, feed[i.name[7:]].shape[1])
            elif i.name not in feed:
                feed[i.name] = z.reshape(ROWS, *i.shape[1:]).astype(np.int64 if "int" in i.type else np.float32)
    feed = {i.name: feed[i.name] for i in session.get_inputs()}
    length = next((v for k, v in feed.items() if k.startswith("length_")), None)
    all_rows, one = session.run(None, feed), session.run(None, {k: v[:1] for k, v in feed.items()})
    worst = 0
    for k, out in enumerate(session.get_outputs()):
        if program == "decode":
            words = ["decode", f"{folder}/z.npy"]
        else:                   # `reconstruct` writes its first output; its second is that of `encode`
            words = ["encode" if program == "reconstruct" and k else program, *files, *(["--name", out.name] if program == "predict" else [])]
        needed(trainer, *words, *weights, "-o", f"{folder}/out.npy")
        want = within(np.load(f"{folder}/out.npy").reshape(all_rows[k].shape).astype(float), length)
        for got in (all_rows[k], one[k]):
            size = max(1, abs(want).max())
            worst = max(worst, abs(within(got, length) - want[: len(got)]).max() / size)
    return worst


def check(aec, folder, path):
    name = os.path.basename(path)[:-3]
    folder = f"{folder}/{name}"
    os.makedirs(folder, exist_ok=True)
    trainer, weights = f"{folder}/t", ["--weights", f"{folder}/run"]
    needed(aec, "build", path, "-o", trainer)
    if not os.path.exists(f"{folder}/run/model.safetensors"):
        needed(trainer, "train", "--quiet", "--epochs", "1", "--out", f"{folder}/run")
    inputs = json.loads(needed(trainer, "info", "--json", *weights))["inputs"]
    sessions, told = {}, {}
    for program in PROGRAMS:
        file = f"{folder}/{program}.onnx"
        ran = run(trainer, "export", "--onnx", "--name", program, *weights, "-o", file)
        if ran.returncode == 0:
            onnx.checker.check_model(onnx.load(file), full_check=True)
            sessions[program] = onnxruntime.InferenceSession(file, threads, providers=["CPUExecutionProvider"])
        elif "such program" not in ran.stderr and "no program" not in ran.stderr:
            told[program] = "refused: " + ran.stderr.strip()
    wanted = {i.name for s in sessions.values() for i in s.get_inputs()}
    feed, files = make_rows(inputs, folder, wanted, np.random.default_rng(3))
    for program, session in sessions.items():
        worst = compare(trainer, weights, folder, program, session, feed, files)
        told[program] = f"{'agrees' if worst < 1e-5 else 'DIFFERS'} {worst:.1e}"
    return told


def main(aec, folder, *examples):
    counts = {"agrees": 0, "refused": 0, "failed": 0}
    for path in examples:
        try:
            told = check(aec, folder, path)
        except Exception as error:
            told = {"": "failed: " + str(error)[:300]}
        for program, what in told.items():
            counts[next((k for k in counts if what.startswith(k)), "failed")] += 1
            print(os.path.basename(path), program, what, flush=True)
    print(*(f"{n} {k}" for k, n in counts.items()), sep=", ")
    return counts["failed"] > 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
