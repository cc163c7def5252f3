#!/usr/bin/env python3
"""JAX as a peer; see measure.py for how it is asked.

    peer_jax.py --mode jit --workload mlp_ae --threads 2

Modes
  jit   the whole step (gather of the minibatch, forward, backward, Adam) is one jitted function with donated buffers of
        parameters and optimizer; Python calls it once a step
  scan  one jitted call runs 50 steps with lax.scan, so the cost of Python's call is spread out
Images are kept NHWC, XLA's better layout on the CPU. svae is not written here.
"""
import os

from measure import Batches, arguments, limit_cpus, losses, process_age, say, serve, serve_calls
from workloads import COUNTED, SIZES, make_data

args = arguments(__doc__, ["jit", "scan"])

os.environ["JAX_PLATFORMS"] = "cpu"
limit_cpus(args.threads)        # XLA sizes its pool from the cores that the process may use
import jax                                                      # noqa: E402
import jax.numpy as jnp                                         # noqa: E402
import numpy as np                                              # noqa: E402
from jax import lax                                             # noqa: E402

SCAN = 50
rng = np.random.default_rng(0)


# ---------------------------------------------------------------- layers
def dense_p(a, b):
    lim = (6 / (a + b)) ** 0.5
    return {"w": rng.uniform(-lim, lim, (a, b)).astype("f"), "b": np.zeros(b, "f")}


def dense(p, x):
    return x @ p["w"] + p["b"]


def conv_p(k, cin, cout):
    lim = (6 / (k * k * (cin + cout))) ** 0.5
    return {"w": rng.uniform(-lim, lim, (k, k, cin, cout)).astype("f"), "b": np.zeros(cout, "f")}


def conv(p, x):                 # stride 2, padding 1
    y = lax.conv_general_dilated(x, p["w"], (2, 2), [(1, 1), (1, 1)],
                                 dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + p["b"]


def conv_t(p, x):               # stride 2, padding 1; doubles the size for both k3 (op 1) and k4
    k = p["w"].shape[0]
    pad = (k - 2, k - 2 + (1 if k == 3 else 0))
    y = lax.conv_general_dilated(x, p["w"], (1, 1), [pad, pad], lhs_dilation=(2, 2),
                                 dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return y + p["b"]


def lstm_p(i, h):
    lim = 1 / h ** 0.5
    return {"wx": rng.uniform(-lim, lim, (i, 4 * h)).astype("f"),
            "wh": rng.uniform(-lim, lim, (h, 4 * h)).astype("f"), "b": np.zeros(4 * h, "f")}


def lstm(p, xs):                # xs [time, batch, feature] -> hs [time, batch, h]
    gx = xs @ p["wx"] + p["b"]  # the input GEMM for all steps at once
    n, h = xs.shape[1], p["wh"].shape[0]

    def cell(carry, g):
        hh, cc = carry
        i, f, u, o = jnp.split(g + hh @ p["wh"], 4, axis=1)
        cc = jax.nn.sigmoid(f) * cc + jax.nn.sigmoid(i) * jnp.tanh(u)
        hh = jax.nn.sigmoid(o) * jnp.tanh(cc)
        return (hh, cc), hh
    zero = jnp.zeros((n, h), xs.dtype)
    return lax.scan(cell, (zero, zero), gx)[1]


def layer_norm(p, x):
    m = x.mean(-1, keepdims=True)
    v = ((x - m) ** 2).mean(-1, keepdims=True)
    return (x - m) * lax.rsqrt(v + 1e-5) * p["g"] + p["b"]


def block_p(d=64, ff=256):
    def ln():
        return {"g": np.ones(d, "f"), "b": np.zeros(d, "f")}
    return {"ln1": ln(), "qkv": dense_p(d, 3 * d), "proj": dense_p(d, d), "ln2": ln(),
            "w1": dense_p(d, ff), "w2": dense_p(ff, d)}


def block(p, x, heads=4):
    n, t, d = x.shape
    q, k, v = jnp.split(dense(p["qkv"], layer_norm(p["ln1"], x)).reshape(n, t, 3 * heads, -1), 3, 2)
    s = jnp.einsum("nqhd,nkhd->nhqk", q, k) / (d // heads) ** 0.5
    y = jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(s, -1), v).reshape(n, t, d)
    x = x + dense(p["proj"], y)
    h = jax.nn.gelu(dense(p["w1"], layer_norm(p["ln2"], x)), approximate=False)
    return x + dense(p["w2"], h)


# ---------------------------------------------------------------- models: (params, loss(p, key, x...))
def mlp(sizes, act, out_act):
    code = min(sizes)
    params = [dense_p(a, b) for a, b in zip(sizes, sizes[1:])]

    def net(ps, x):
        for p in ps[:-1]:
            x = dense(p, x)
            if p["b"].shape[0] != code:
                x = act(x)
        return out_act(dense(ps[-1], x))
    return params, net


def plain(params, net):
    return params, lambda p, key, x: jnp.mean((net(p, x) - x) ** 2)


def bernoulli_nll(logits, x):
    return jnp.sum(jax.nn.softplus(logits) - x * logits)


def vae():
    params = {"e": dense_p(784, 512), "mu": dense_p(512, 20), "lv": dense_p(512, 20),
              "d1": dense_p(20, 512), "d2": dense_p(512, 784)}

    def loss(p, key, x):
        h = jax.nn.relu(dense(p["e"], x))
        mu, lv = dense(p["mu"], h), dense(p["lv"], h)
        z = mu + jnp.exp(0.5 * lv) * jax.random.normal(key, mu.shape)
        nll = bernoulli_nll(dense(p["d2"], jax.nn.relu(dense(p["d1"], z))), x)
        kl = -0.5 * jnp.sum(1 + lv - mu * mu - jnp.exp(lv))
        return (nll + kl) / x.shape[0]
    return params, loss


def sparse():
    params = {"e": dense_p(784, 1024), "d": dense_p(1024, 784)}

    def loss(p, key, x):
        h = jax.nn.sigmoid(dense(p["e"], x))
        y = jax.nn.sigmoid(dense(p["d"], h))
        r, rho = jnp.clip(h.mean(0), 1e-6, 1 - 1e-6), 0.05
        kl = rho * jnp.log(rho / r) + (1 - rho) * jnp.log((1 - rho) / (1 - r))
        return jnp.mean((y - x) ** 2) + 0.1 * kl.sum()
    return params, loss


def conv_mnist():
    params = {"c1": conv_p(3, 1, 16), "c2": conv_p(3, 16, 32), "e": dense_p(1568, 32),
              "d": dense_p(32, 1568), "t1": conv_p(3, 32, 16), "t2": conv_p(3, 16, 1)}

    def net(p, x):
        h = jax.nn.relu(conv(p["c2"], jax.nn.relu(conv(p["c1"], x))))
        z = dense(p["e"], h.reshape(h.shape[0], -1))
        h = jax.nn.relu(dense(p["d"], z)).reshape(-1, 7, 7, 32)
        return jax.nn.sigmoid(conv_t(p["t2"], jax.nn.relu(conv_t(p["t1"], h))))
    return params, net


def cifar_encoder():
    params = {"c1": conv_p(4, 3, 32), "c2": conv_p(4, 32, 64), "c3": conv_p(4, 64, 128),
              "e": dense_p(2048, 128)}

    def net(p, x):
        for c in ("c1", "c2", "c3"):
            x = jax.nn.relu(conv(p[c], x))
        return dense(p["e"], x.reshape(x.shape[0], -1))
    return params, net


def conv_cifar():
    pe, enc = cifar_encoder()
    params = dict(pe, d=dense_p(128, 2048), t1=conv_p(4, 128, 64), t2=conv_p(4, 64, 32),
                  t3=conv_p(4, 32, 3))

    def net(p, x):
        h = jax.nn.relu(dense(p["d"], enc(p, x))).reshape(-1, 4, 4, 128)
        h = jax.nn.relu(conv_t(p["t2"], jax.nn.relu(conv_t(p["t1"], h))))
        return jax.nn.sigmoid(conv_t(p["t3"], h))
    return params, net


def simclr():
    pe, enc = cifar_encoder()
    params = dict(pe, h1=dense_p(128, 128), h2=dense_p(128, 64))

    def loss(p, key, a, b):
        n = a.shape[0]
        z = dense(p["h2"], jax.nn.relu(dense(p["h1"], enc(p, jnp.concatenate([a, b])))))
        z = z * lax.rsqrt(jnp.sum(z * z, 1, keepdims=True) + 1e-12)
        s = z @ z.T / 0.5
        s = jnp.where(jnp.eye(2 * n, dtype=bool), -jnp.inf, s)
        i = jnp.arange(2 * n)
        return jnp.mean(jax.nn.logsumexp(s, 1) - s[i, (i + n) % (2 * n)])
    return params, loss


def lstm_ae():
    params = {"enc": lstm_p(16, 64), "dec": lstm_p(64, 64), "out": dense_p(64, 16)}

    def loss(p, key, x):
        x = x.reshape(-1, 32, 16).swapaxes(0, 1)
        h = lstm(p["enc"], x)[-1]
        y = dense(p["out"], lstm(p["dec"], jnp.broadcast_to(h, (32,) + h.shape)))
        return jnp.mean((y - x) ** 2)
    return params, loss


def transformer_ae():
    params = {"in": dense_p(16, 64), "pe": (rng.standard_normal((64, 64)) * 0.02).astype("f"),
              "e": [block_p(), block_p()], "to_z": dense_p(64, 32), "from_z": dense_p(32, 4096),
              "pd": (rng.standard_normal((64, 64)) * 0.02).astype("f"),
              "d": [block_p(), block_p()], "out": dense_p(64, 16)}

    def loss(p, key, x):
        x = x.reshape(-1, 64, 16)
        h = dense(p["in"], x) + p["pe"]
        for b in p["e"]:
            h = block(b, h)
        h = dense(p["from_z"], dense(p["to_z"], h.mean(1))).reshape(-1, 64, 64) + p["pd"]
        for b in p["d"]:
            h = block(b, h)
        return jnp.mean((dense(p["out"], h) - x) ** 2)
    return params, loss


def build(name):
    if name == "mlp_tiny":
        return plain(*mlp([64, 16, 2, 16, 64], jnp.tanh, lambda y: y))
    if name == "mlp_ae":
        return plain(*mlp([784, 128, 32, 128, 784], jax.nn.relu, jax.nn.sigmoid))
    if name == "mlp_deep":
        return plain(*mlp([784, 512, 256, 64, 256, 512, 784], jax.nn.relu, jax.nn.sigmoid))
    if name == "conv_mnist":
        return plain(*conv_mnist())
    if name == "conv_cifar":
        return plain(*conv_cifar())
    other = {"vae": vae, "sparse": sparse, "simclr": simclr, "lstm_ae": lstm_ae,
             "transformer_ae": transformer_ae}
    return other[name]()


IMAGE = {"conv_mnist": (28, 28, 1), "conv_cifar": (32, 32, 3), "simclr": (32, 32, 3)}


# ---------------------------------------------------------------- one train step as a pure function
def adam_step(loss):
    def step(state, idx, *data):
        p, m, v, t, key = state
        key, sub = jax.random.split(key)
        value, g = jax.value_and_grad(loss)(p, sub, *[x[idx] for x in data])
        t = t + 1
        scale = 1e-3 * jnp.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        p = jax.tree.map(lambda a, b, c: a - scale * b / (jnp.sqrt(c) + 1e-8), p, m, v)
        return (p, m, v, t, key), value
    return step


def rbm_step(state, idx, x):
    (w, b, c), key = state
    key, k1, k2 = jax.random.split(key, 3)
    v0 = x[idx]
    n = v0.shape[0]
    ph0 = jax.nn.sigmoid(v0 @ w + c)
    h0 = jax.random.bernoulli(k1, ph0).astype(jnp.float32)
    pv1 = jax.nn.sigmoid(h0 @ w.T + b)
    v1 = jax.random.bernoulli(k2, pv1).astype(jnp.float32)
    ph1 = jax.nn.sigmoid(v1 @ w + c)
    w = w + 0.01 / n * (v0.T @ ph0 - v1.T @ ph1)
    b = b + 0.01 * (v0 - v1).mean(0)
    c = c + 0.01 * (ph0 - ph1).mean(0)
    return ((w, b, c), key), jnp.mean((v0 - pv1) ** 2)


def make_state(name):
    key = jax.random.key(0)
    if name == "rbm":
        w = (rng.standard_normal((784, 500)) * 0.01).astype("f")
        return rbm_step, ((w, np.zeros(784, "f"), np.zeros(500, "f")), key), w.size + 1284
    params, loss = build(name)
    count = sum(a.size for a in jax.tree.leaves(params))
    zeros = jax.tree.map(np.zeros_like, params)
    return adam_step(loss), (params, zeros, zeros, np.float32(0), key), count


def train():
    name = args.workload
    n, d, batch = SIZES[name]
    arrays, data_s = make_data(name)
    data_mb = sum(a.nbytes for a in arrays) / 2 ** 20
    shape = IMAGE.get(name, (d,))
    data = [jnp.asarray(a.reshape(n, *shape)) for a in arrays]
    del arrays
    one, state, count = make_state(name)
    # a buffer may be donated once only, so every leaf needs a device array of its own
    state = jax.tree.map(lambda a: jnp.array(a, copy=True), state)
    perm_rng = np.random.default_rng(7)
    batches = Batches(n, batch, lambda k: perm_rng.permutation(k).astype(np.int32))
    k = 1
    if args.mode == "jit":
        f = jax.jit(one, donate_argnums=0)

        def take():
            return batches.next()
    else:
        k = SCAN

        def many(state, idx, *data):
            state, values = lax.scan(lambda s, i: one(s, i, *data), state, idx)
            return state, values[-1]
        f = jax.jit(many, donate_argnums=0)

        def take():
            return np.stack([batches.next() for _ in range(k)])
    box = [state]

    def step():
        box[0], loss = f(box[0], take(), *data)
        return loss
    first = float(step())
    first_s = process_age() - data_s
    if args.steps:
        say(**losses(step, float, first, args.steps, k))
    else:
        serve(step, float, COUNTED.get(name, batch), k, version=jax.__version__, parameters=count,
              first_step_s=round(first_s, 2), data_mb=round(data_mb, 1), loss_first=first)


def infer():
    if args.workload == "mlp_ae_encoder":
        p, _ = mlp([784, 128, 32, 128, 784], jax.nn.relu, jax.nn.sigmoid)
        f, shape = jax.jit(lambda x: dense(p[1], jax.nn.relu(dense(p[0], x)))), (784,)
    else:
        p, net = conv_mnist()
        f, shape = jax.jit(lambda x: net(p, x)), (28, 28, 1)
    x = jnp.asarray(rng.random((args.batch,) + shape, dtype="f"))
    f(x).block_until_ready()
    serve_calls(lambda: f(x).block_until_ready(), args.batch, version=jax.__version__,
                first_step_s=round(process_age(), 2))


if args.workload in ("mlp_ae_encoder", "conv_mnist_recon"):
    infer()
else:
    train()
