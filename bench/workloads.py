"""The workloads: sizes, and the synthetic rows that ours and the peers train on.

Rows lie in (0, 1), nearly uniform each, with a structure of rank 8, so that a working trainer shows a falling loss.
As a program it writes them to bench/data/*.npy for the .ae files.
"""
import os
import time

# workload -> (rows, features, batch)
SIZES = {
    "mlp_tiny": (16384, 64, 32),
    "mlp_ae": (16384, 784, 128),
    "mlp_deep": (16384, 784, 128),
    "vae": (16384, 784, 128),
    "sparse": (16384, 784, 256),
    "conv_mnist": (16384, 784, 64),
    "conv_cifar": (8192, 3072, 64),
    "simclr": (8192, 3072, 128),
    "lstm_ae": (16384, 512, 32),
    "transformer_ae": (16384, 1024, 32),
    "rbm": (16384, 784, 100),
    "svae": (16384, 784, 128),
}
TOKENS, SENTENCE, VOCABULARY = 2_000_000, 100, 20_000      # of word2vec
COUNTED = {"simclr": 256}       # samples of a step, where that is not the batch: two views of an image
HERE = os.path.dirname(os.path.abspath(__file__))


def data_mb(workload):
    """Of the rows, in units of 2^20 bytes, as the memory of a process is told."""
    rows, features, _ = SIZES[workload]
    return rows * features * 4 / 2 ** 20 * (2 if workload == "simclr" else 1)


def make_data(workload):
    """The arrays [rows, features] in float32, and the seconds it took to make them."""
    import numpy as np
    begun = time.perf_counter()
    n, d, _ = SIZES[workload]
    rng = np.random.default_rng(1234)
    z = rng.standard_normal((n, 8), dtype=np.float32)
    w = rng.standard_normal((8, d), dtype=np.float32) / np.float32(8 ** 0.5)
    x = z @ w
    x *= np.float32(-1.7)           # in place: keeps the peak memory of a peer honest
    np.exp(x, out=x)
    x += np.float32(1)
    np.reciprocal(x, out=x)
    arrays = [x]
    if workload == "simclr":        # the second view
        y = rng.standard_normal((n, d), dtype=np.float32)
        y *= np.float32(0.1)
        y += x
        np.clip(y, 0, 1, out=y)
        arrays.append(y)
    return arrays, time.perf_counter() - begun


def corpus():
    """Sentences of word numbers, each drawn independently by Zipf's law."""
    import numpy as np
    p = 1.0 / np.arange(1, VOCABULARY + 1)
    return np.random.default_rng(1234).choice(VOCABULARY, size=TOKENS, p=p / p.sum()).reshape(-1, SENTENCE)


def write_corpus(path=os.path.join(HERE, "data", "corpus.txt")):
    if not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".part", "w") as f:
            for row in corpus():
                f.write(" ".join("w%d" % i for i in row) + "\n")
        os.rename(path + ".part", path)
    return path


def write_data(folder=os.path.join(HERE, "data")):
    """x64.npy, x512.npy ... by the number of features, and v3072.npy, the second views."""
    import numpy as np
    os.makedirs(folder, exist_ok=True)
    for workload in ("mlp_tiny", "mlp_ae", "lstm_ae", "transformer_ae", "simclr"):
        names = ["%s%d.npy" % (letter, SIZES[workload][1]) for letter in "xv"]
        paths = [os.path.join(folder, name) for name in names]
        if all(os.path.exists(p) for p in paths[:2 if workload == "simclr" else 1]):
            continue
        for path, array in zip(paths, make_data(workload)[0]):
            np.save(path, array)
    write_corpus()


if __name__ == "__main__":
    write_data()
