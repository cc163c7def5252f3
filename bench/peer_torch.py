#!/usr/bin/env python3
"""PyTorch as a peer; see measure.py for how it is asked.

    peer_torch.py --mode eager_ftz --workload mlp_ae --threads 2

Modes: a base and what is added to it.
  eager        the usual training loop, fused Adam (the fastest Adam PyTorch has on the CPU)
  plain        the same with the default of torch.optim.Adam (one pass a tensor), what most scripts use
  compile      torch.compile (Inductor, C++ backend) of model and loss, fused Adam
  step         model, loss, gradient (torch.func) and Adam as one compiled function
  .._nhwc      images and convolutions in channels-last strides
  .._ftz       denormal numbers are taken as zero (not PyTorch's default)
"""
import math
import os

from measure import Batches, arguments, losses, process_age, say, serve, serve_calls
from workloads import COUNTED, SIZES, make_data

BASES = ("eager", "plain", "compile", "step")
args = arguments(__doc__, [b + c + z for b in BASES for c in ("", "_nhwc") for z in ("", "_ftz")])
base, channels_last = args.mode.split("_")[0], "_nhwc" in args.mode

os.environ["OMP_NUM_THREADS"] = str(args.threads)
import torch                                                    # noqa: E402
import torch.nn as nn                                           # noqa: E402
import torch.nn.functional as F                                 # noqa: E402

if args.mode.endswith("_ftz"):  # before the thread pool starts, so that its threads inherit it
    torch.set_flush_denormal(True)
torch.set_num_threads(args.threads)
torch.manual_seed(0)


# ---------------------------------------------------------------- models: forward(...) gives the loss
def mlp(sizes, act, out_act):
    """Dense stack; the smallest inner layer (the bottleneck) stays linear."""
    layers, code = [], min(sizes)
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        layers.append(nn.Linear(a, b))
        if i == len(sizes) - 2:
            if out_act:
                layers.append(out_act())
        elif b != code:
            layers.append(act())
    return nn.Sequential(*layers)


class Plain(nn.Module):
    """Any autoencoder with an MSE loss."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return F.mse_loss(self.net(x), x)


class Vae(nn.Module):
    def __init__(self, d=784, h=512, z=20):
        super().__init__()
        self.e1, self.mu, self.lv = nn.Linear(d, h), nn.Linear(h, z), nn.Linear(h, z)
        self.d1, self.d2 = nn.Linear(z, h), nn.Linear(h, d)

    def forward(self, x):
        h = F.relu(self.e1(x))
        mu, lv = self.mu(h), self.lv(h)
        z = mu + torch.exp(0.5 * lv) * torch.randn_like(mu)
        logits = self.d2(F.relu(self.d1(z)))
        nll = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * torch.sum(1 + lv - mu * mu - lv.exp())
        return (nll + kl) / x.shape[0]


class Sparse(nn.Module):
    def __init__(self, d=784, h=1024, rho=0.05, weight=0.1):
        super().__init__()
        self.e, self.d, self.rho, self.weight = nn.Linear(d, h), nn.Linear(h, d), rho, weight

    def forward(self, x):
        h = torch.sigmoid(self.e(x))
        y = torch.sigmoid(self.d(h))
        r, rho = h.mean(0).clamp(1e-6, 1 - 1e-6), self.rho
        kl = rho * torch.log(rho / r) + (1 - rho) * torch.log((1 - rho) / (1 - r))
        return F.mse_loss(y, x) + self.weight * kl.sum()


def conv_mnist_net():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(1568, 32), nn.Linear(32, 1568), nn.ReLU(), nn.Unflatten(1, (32, 7, 7)),
        nn.ConvTranspose2d(32, 16, 3, 2, 1, 1), nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 3, 2, 1, 1), nn.Sigmoid())


def cifar_encoder():
    return nn.Sequential(
        nn.Conv2d(3, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 64, 4, 2, 1), nn.ReLU(),
        nn.Conv2d(64, 128, 4, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(2048, 128))


def conv_cifar_net():
    return nn.Sequential(
        cifar_encoder(), nn.Linear(128, 2048), nn.ReLU(), nn.Unflatten(1, (128, 4, 4)),
        nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(64, 32, 4, 2, 1),
        nn.ReLU(), nn.ConvTranspose2d(32, 3, 4, 2, 1), nn.Sigmoid())


class SimClr(nn.Module):
    def __init__(self, temperature=0.5):
        super().__init__()
        self.enc = cifar_encoder()
        self.head = nn.Sequential(nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 64))
        self.t = temperature

    def forward(self, a, b):
        n = a.shape[0]
        z = F.normalize(self.head(self.enc(torch.cat([a, b]))), dim=1)
        s = z @ z.T / self.t
        s = s.masked_fill(torch.eye(2 * n, dtype=torch.bool), float("-inf"))
        other = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
        return F.cross_entropy(s, other)


class LstmAe(nn.Module):
    def __init__(self, t=32, f=16, h=64):
        super().__init__()
        self.t, self.f = t, f
        self.enc = nn.LSTM(f, h, batch_first=True)
        self.dec = nn.LSTM(h, h, batch_first=True)
        self.out = nn.Linear(h, f)

    def forward(self, x):
        x = x.view(-1, self.t, self.f)
        _, (h, _) = self.enc(x)
        y, _ = self.dec(h[0].unsqueeze(1).expand(-1, self.t, -1).contiguous())
        return F.mse_loss(self.out(y), x)


class TransformerAe(nn.Module):
    def __init__(self, t=64, f=16, d=64, z=32):
        super().__init__()

        def stack():
            return nn.Sequential(*[nn.TransformerEncoderLayer(
                d, 4, 256, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
                for _ in range(2)])
        self.t, self.f, self.d = t, f, d
        self.inp, self.out = nn.Linear(f, d), nn.Linear(d, f)
        self.pos_e = nn.Parameter(torch.randn(t, d) * 0.02)
        self.pos_d = nn.Parameter(torch.randn(t, d) * 0.02)
        self.enc, self.dec = stack(), stack()
        self.to_z, self.from_z = nn.Linear(d, z), nn.Linear(z, t * d)

    def forward(self, x):
        x = x.view(-1, self.t, self.f)
        z = self.to_z(self.enc(self.inp(x) + self.pos_e).mean(1))
        y = self.from_z(z).view(-1, self.t, self.d) + self.pos_d
        return F.mse_loss(self.out(self.dec(y)), x)


class Svae(nn.Module):
    """Hyperspherical VAE (Davidson et al. 2018): vMF posterior, uniform prior on the sphere."""

    def __init__(self, m=10):
        super().__init__()
        self.m = m
        self.enc = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU())
        self.mu, self.kappa = nn.Linear(128, m), nn.Linear(128, 1)
        self.dec = nn.Sequential(nn.Linear(m, 128), nn.ReLU(), nn.Linear(128, 256), nn.ReLU(),
                                 nn.Linear(256, 784))
        half = (m - 1) / 2
        self.beta = torch.distributions.Beta(torch.tensor(half), torch.tensor(half))

    def sample(self, mu, k):
        """Wood's rejection sampler of the cosine w, then a Householder reflection taking e1 to mu."""
        m1 = self.m - 1
        c = torch.sqrt(4 * k * k + m1 * m1)
        exact, approx = (-2 * k + c) / m1, m1 / (4 * k)
        s = torch.clamp(k - 10, 0, 1)
        b = approx * s + exact * (1 - s)
        a = (m1 + 2 * k + c) / 4
        d = 4 * a * b / (1 + b) - m1 * math.log(m1)
        e_acc = torch.full_like(k, 0.5)
        todo = torch.ones_like(k, dtype=torch.bool)
        with torch.no_grad():                   # find an accepted beta draw for every row
            while bool(todo.any()):
                e, u = self.beta.sample(k.shape), torch.rand_like(k)
                t = 2 * a * b / (1 - (1 - b) * e)
                ok = (m1 * torch.log(t) - t + d > torch.log(u)) & todo
                e_acc = torch.where(ok, e, e_acc)
                todo = todo & ~ok
        w = (1 - (1 + b) * e_acc) / (1 - (1 - b) * e_acc)   # differentiable in kappa through b
        v = F.normalize(torch.randn(k.shape[0], m1), dim=1)
        z = torch.cat([w, torch.sqrt(torch.clamp(1 - w * w, min=1e-10)) * v], 1)
        e1 = torch.zeros_like(mu)
        e1[:, 0] = 1
        u = F.normalize(e1 - mu, dim=1)
        return z - 2 * (z * u).sum(1, keepdim=True) * u

    def kl(self, k):
        m = self.m
        hi, lo = Ive.apply(m / 2, k), Ive.apply(m / 2 - 1, k)
        log_c = (m / 2 - 1) * torch.log(k) - m / 2 * math.log(2 * math.pi) - (k + torch.log(lo))
        log_area = math.log(2) + m / 2 * math.log(math.pi) - math.lgamma(m / 2)
        return k * hi / lo + log_c + log_area

    def forward(self, x):
        h = self.enc(x)
        mu, k = F.normalize(self.mu(h), dim=1), F.softplus(self.kappa(h)) + 1
        nll = F.binary_cross_entropy_with_logits(self.dec(self.sample(mu, k)), x, reduction="sum")
        return (nll + self.kl(k).sum()) / x.shape[0]


class Ive(torch.autograd.Function):
    """Exponentially scaled modified Bessel function, by SciPy, with its derivative in the argument."""

    @staticmethod
    def forward(ctx, v, z):
        from scipy.special import ive
        y = torch.from_numpy(ive(v, z.detach().double().numpy())).float()
        ctx.v = v
        ctx.save_for_backward(y, z)
        return y

    @staticmethod
    def backward(ctx, g):
        y, z = ctx.saved_tensors
        return None, g * (Ive.apply(ctx.v - 1, z) - y * (ctx.v + z) / z)


def build(name):
    if name == "mlp_tiny":
        return Plain(mlp([64, 16, 2, 16, 64], nn.Tanh, None))
    if name == "mlp_ae":
        return Plain(mlp([784, 128, 32, 128, 784], nn.ReLU, nn.Sigmoid))
    if name == "mlp_deep":
        return Plain(mlp([784, 512, 256, 64, 256, 512, 784], nn.ReLU, nn.Sigmoid))
    if name == "conv_mnist":
        return Plain(conv_mnist_net())
    if name == "conv_cifar":
        return Plain(conv_cifar_net())
    simple = {"vae": Vae, "sparse": Sparse, "simclr": SimClr, "lstm_ae": LstmAe,
              "transformer_ae": TransformerAe, "svae": Svae}
    return simple[name]()


def image_shape(name):
    return {"conv_mnist": (1, 28, 28), "conv_cifar": (3, 32, 32), "simclr": (3, 32, 32)}.get(name)


# ---------------------------------------------------------------- the RBM has no loss to differentiate
def rbm_step(v0, w, b, c, lr):
    """One CD-1 update in place; returns the mean squared reconstruction error."""
    n = v0.shape[0]
    ph0 = torch.sigmoid(torch.addmm(c, v0, w))
    h0 = torch.bernoulli(ph0)
    pv1 = torch.sigmoid(torch.addmm(b, h0, w.t()))
    v1 = torch.bernoulli(pv1)
    ph1 = torch.sigmoid(torch.addmm(c, v1, w))
    w.addmm_(v0.t(), ph0, alpha=lr / n).addmm_(v1.t(), ph1, alpha=-lr / n)
    b.add_((v0 - v1).mean(0), alpha=lr)
    c.add_((ph0 - ph1).mean(0), alpha=lr)
    return ((v0 - pv1) ** 2).mean()


# ---------------------------------------------------------------- a training step in each mode
def compiled_step(net, data, batches):
    params = {k: p.detach().clone() for k, p in net.named_parameters()}
    m1 = {k: torch.zeros_like(p) for k, p in params.items()}
    m2 = {k: torch.zeros_like(p) for k, p in params.items()}
    t = torch.zeros(())

    def whole(params, m1, m2, t, *xs):
        def loss_of(p):
            return torch.func.functional_call(net, p, xs)
        grads, loss = torch.func.grad_and_value(loss_of)(params)
        t.add_(1)
        scale = 1e-3 * torch.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
        for k, g in grads.items():
            m1[k].mul_(0.9).add_(g, alpha=0.1)
            m2[k].mul_(0.999).add_(g * g, alpha=0.001)
            params[k].sub_(scale * m1[k] / (m2[k].sqrt() + 1e-8))
        return loss
    f = torch.compile(whole)

    def step():
        i = batches.next()
        with torch.no_grad():
            return f(params, m1, m2, t, *[x[i] for x in data])
    return step


def make_step(name, data, batches):
    """The step, and the number of parameters."""
    if name == "rbm":
        w, b, c = torch.randn(784, 500) * 0.01, torch.zeros(784), torch.zeros(500)
        cd = rbm_step if base in ("eager", "plain") else torch.compile(rbm_step)

        def step():
            with torch.no_grad():
                return cd(data[0][batches.next()], w, b, c, 0.01)
        return step, 784 * 500 + 1284
    net = build(name)
    if channels_last:
        net = net.to(memory_format=torch.channels_last)
    count = sum(p.numel() for p in net.parameters())
    if base == "step":
        return compiled_step(net, data, batches), count
    opt = torch.optim.Adam(net.parameters(), lr=1e-3, fused=base != "plain" or None)
    f = torch.compile(net) if base == "compile" else net

    def step():
        i = batches.next()
        loss = f(*[x[i] for x in data])
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        return loss.detach()
    return step, count


def train():
    name = args.workload
    n, d, batch = SIZES[name]
    arrays, data_s = make_data(name)
    data = [torch.from_numpy(a) for a in arrays]
    if image_shape(name):
        data = [x.view(n, *image_shape(name)) for x in data]
        if channels_last:
            data = [x.contiguous(memory_format=torch.channels_last) for x in data]
    data_mb = sum(a.nbytes for a in arrays) / 2 ** 20
    del arrays
    step, count = make_step(name, data, Batches(n, batch, torch.randperm))
    first = float(step())
    first_s = process_age() - data_s
    if args.steps:
        say(**losses(step, float, first, args.steps))
    else:
        serve(step, float, COUNTED.get(name, batch), version=torch.__version__, parameters=count,
              first_step_s=round(first_s, 2), data_mb=round(data_mb, 1), loss_first=first)


INFERENCE = {"mlp_ae_encoder": (lambda: build("mlp_ae").net[:3], (784,)),
             "conv_mnist_recon": (conv_mnist_net, (1, 28, 28))}


def infer():
    make, shape = INFERENCE[args.workload]
    net, x = make().eval(), torch.rand(args.batch, *shape)
    if channels_last and len(shape) == 3:
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    if base == "compile":
        from torch._inductor import config
        config.freezing = True                          # weights as constants, packed beforehand
        net = torch.compile(net, dynamic=False)
    with torch.inference_mode() if base == "eager" else torch.no_grad():
        net(x)
        serve_calls(lambda: net(x), args.batch, version=torch.__version__, first_step_s=round(process_age(), 2))


if args.workload in INFERENCE:
    infer()
else:
    train()
