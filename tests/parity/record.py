"""Records what PyTorch makes of the models in this folder: run by hand, the files it writes are kept.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install torch==2.13.0 numpy
    /tmp/v/bin/python tests/parity/record.py [NAME ...]

For each model below, whose twin is NAME.ae, it writes beside this file
    NAME.x.npy ...               the batch: every input and label
    NAME.weights.safetensors     the parameters, named and laid out as the trainer has them
    NAME.grads.safetensors       d loss / d parameter, in double precision
    NAME.json                    the loss, and the losses before it and after each of ten steps of the
                                 stated optimizer on the same batch (losses[0] is the loss)
All sizes of a model differ, so that a wrong axis cannot hide.
"""
import json
import math
import os
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch.func import functional_call

HERE = os.path.dirname(os.path.abspath(__file__))
torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
MODELS = {}


def model(shapes, data, optimizer, seed=1):
    """shapes: {parameter: shape}; data: {input: array maker}; the function gives the loss of (p, d)."""
    def enter(f):
        MODELS[f.__name__] = (f, shapes, data, optimizer, seed)
        return f
    return enter


def adam(**more):
    return ('adam', more, lambda p: torch.optim.Adam(p, **more))


def adamw(lr, decay):
    return ('adamw', dict(lr=lr, decay=decay), lambda p: torch.optim.AdamW(p, lr=lr, weight_decay=decay))


def sgd(**more):
    return ('sgd', more, lambda p: torch.optim.SGD(p, **more))


def rmsprop(**more):
    return ('rmsprop', more, lambda p: torch.optim.RMSprop(p, **more))


# ---- files ---------------------------------------------------------------------------------------

def store(path, tensors):
    """safetensors: eight bytes of length, a JSON header, the numbers one after another."""
    kinds = {np.dtype('f4'): 'F32', np.dtype('f8'): 'F64'}
    header, at, body = {}, 0, b''
    for name, t in tensors.items():
        raw = np.ascontiguousarray(t).tobytes()
        header[name] = dict(dtype=kinds[t.dtype], shape=list(t.shape), data_offsets=[at, at + len(raw)])
        at, body = at + len(raw), body + raw
    head = json.dumps(header, separators=(',', ':')).encode()
    head += b' ' * (-len(head) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(head)) + head + body)


def record(name):
    f, shapes, data, (kind, settings, make), seed = MODELS[name]
    r = np.random.default_rng(seed)
    d = {k: v(r) for k, v in data.items()}
    # single-precision values, so that float and double builds start from the same numbers
    init = {k: (r.normal(size=s) * (0.5 if len(s) < 2 else 1 / math.sqrt(s[0]))).astype('f4') for k, s in shapes.items()}
    for k in init:
        if k.split('.')[-1] == 'g':
            init[k] = (1 + 0.3 * init[k]).astype('f4')
    p = {k: torch.tensor(v.astype('f8'), requires_grad=True) for k, v in init.items()}
    batch = {k: torch.tensor(v if v.dtype.kind == 'i' else v.astype('f8')) for k, v in d.items()}
    batch = {k: v.long() if not v.is_floating_point() else v for k, v in batch.items()}
    opt, losses, grads = make(list(p.values())), [], None
    for _ in range(11):
        opt.zero_grad()
        loss = f(p, batch)
        loss.backward()
        losses.append(float(loss.detach()))
        if grads is None:
            grads = {k: v.grad.numpy().copy() for k, v in p.items()}
        opt.step()
    at = lambda what: os.path.join(HERE, f'{name}.{what}')
    for k, v in d.items():
        np.save(at(f'{k}.npy'), v)
    states = {}
    for k, v in init.items():               # running averages are loaded with the weights
        if 'batchnorm' in k and k.endswith('.g'):
            states[k[:-1] + 'm'], states[k[:-1] + 'v'] = np.zeros_like(v), np.ones_like(v)
    store(at('weights.safetensors'), {**init, **states})
    store(at('grads.safetensors'), grads)
    with open(at('json'), 'w') as out:
        json.dump(dict(optimizer=kind, settings=settings, loss=losses[0], losses=losses), out, indent=1)
        out.write('\n')
    print(f'{name:14} {sum(v.size for v in init.values()):5} parameters   loss {losses[0]:.6f} -> {losses[-1]:.6f}')


# ---- what batches are made of ----------------------------------------------------------------------

def real(*shape):
    return lambda r: r.normal(size=shape).astype('f4')


def unit(*shape):
    return lambda r: r.uniform(size=shape).astype('f4')


def whole(k, *shape):
    return lambda r: r.integers(0, k, size=shape).astype('i4')


# ---- layers in the trainer's layouts -----------------------------------------------------------------

def dense(p, at, x):
    return F.linear(x, p[at + '.w'].T, p[at + '.b'])


def dense_shapes(at, k, units):
    return {at + '.w': (k, units), at + '.b': (units,)}


def conv(p, at, x, **more):
    return F.conv2d(x, p[at + '.f'], p[at + '.b'], **more)


def conv_transpose(p, at, x, **more):
    return F.conv_transpose2d(x, p[at + '.f'], p[at + '.b'], **more)


def conv_shapes(at, filters, c, k):
    return {at + '.f': (filters, c, k, k), at + '.b': (filters,)}


def conv_transpose_shapes(at, filters, c, k):
    return {at + '.f': (c, filters, k, k), at + '.b': (filters,)}


def norm_shapes(at, k):
    return {at + '.g': (k,), at + '.b': (k,)}


def lstm(p, at, x, state=None):
    """torch's gates have our order: input, forget, cell, output."""
    w, u, b = (p[f'{at}.{c}'] for c in 'wub')
    k, _, units = w.shape
    cell = torch.nn.LSTM(k, units, batch_first=True)
    weights = dict(weight_ih_l0=w.reshape(k, -1).T, weight_hh_l0=u.reshape(units, -1).T,
                   bias_ih_l0=b.reshape(-1), bias_hh_l0=torch.zeros(4 * units))
    if state is None:
        return functional_call(cell, weights, (x,))[0]
    return functional_call(cell, weights, (x, (state[None], torch.zeros_like(state)[None])))[0]


def lstm_shapes(at, k, units):
    return {at + '.w': (k, 4, units), at + '.u': (units, 4, units), at + '.b': (4, units)}


def gru(p, at, x):
    """torch's gates have our order: reset, update, new."""
    w, u, b, d = (p[f'{at}.{c}'] for c in 'wubd')
    k, _, units = w.shape
    cell = torch.nn.GRU(k, units, batch_first=True)
    weights = dict(weight_ih_l0=w.reshape(k, -1).T, weight_hh_l0=u.reshape(units, -1).T,
                   bias_ih_l0=b.reshape(-1), bias_hh_l0=torch.cat([torch.zeros(2 * units), d]))
    return functional_call(cell, weights, (x,))[0]


def gru_shapes(at, k, units):
    return {at + '.w': (k, 3, units), at + '.u': (units, 3, units), at + '.b': (3, units), at + '.d': (units,)}


def attention(p, at, x, causal=False):
    k, heads, each = p[at + '.wq'].shape
    layer = torch.nn.MultiheadAttention(k, heads, batch_first=True)
    flat = lambda c: p[f'{at}.w{c}'].reshape(k, k).T
    weights = {'in_proj_weight': torch.cat([flat(c) for c in 'qkv']),
               'in_proj_bias': torch.cat([p[f'{at}.b{c}'].reshape(-1) for c in 'qkv']),
               'out_proj.weight': p[at + '.wo'].reshape(k, k).T, 'out_proj.bias': p[at + '.bo']}
    mask = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1) if causal else None
    return functional_call(layer, weights, (x, x, x), dict(attn_mask=mask, need_weights=False))[0]


def attention_shapes(at, k, heads):
    out = {f'{at}.w{c}': (k, heads, k // heads) for c in 'qkv'}
    out[at + '.wo'] = (heads, k // heads, k)
    out.update({f'{at}.b{c}': (heads, k // heads) for c in 'qkv'})
    out[at + '.bo'] = (k,)
    return out


def batchnorm(p, at, x):
    return F.batch_norm(x, None, None, p[at + '.g'], p[at + '.b'], True)


def layernorm(p, at, x):
    return F.layer_norm(x, x.shape[-1:], p[at + '.g'], p[at + '.b'])


def each(loss):
    """What is a sum over an example and a mean over the batch."""
    return loss.flatten(1).sum(1).mean() if loss.dim() > 1 else loss.mean()


# ---- the models --------------------------------------------------------------------------------------

@model({**dense_shapes('encoder.dense1', 7, 6), **dense_shapes('encoder.dense2', 6, 4), **dense_shapes('z.code1', 4, 3),
        **dense_shapes('decoder.dense1', 3, 8), **dense_shapes('decoder.dense2', 8, 7)}, dict(x=unit(5, 7)), adam(lr=1e-2))
def dense_ae(p, d):
    h = F.relu(dense(p, 'encoder.dense2', torch.tanh(dense(p, 'encoder.dense1', d['x']))))
    h = torch.sigmoid(dense(p, 'decoder.dense1', dense(p, 'z.code1', h)))
    return F.mse_loss(dense(p, 'decoder.dense2', h), d['x'])


@model({**dense_shapes('encoder.dense1', 7, 6), **dense_shapes('z.code1', 6, 4),
        'decoder.dense1.b': (6,), 'decoder.dense2.b': (7,)}, dict(x=real(5, 7)), sgd(lr=0.05, momentum=0.9))
def tied(p, d):
    h = dense(p, 'z.code1', torch.sigmoid(dense(p, 'encoder.dense1', d['x'])))
    h = torch.sigmoid(h @ p['z.code1.w'].T + p['decoder.dense1.b'])
    return F.mse_loss(h @ p['encoder.dense1.w'].T + p['decoder.dense2.b'], d['x'])


@model({**conv_shapes('encoder.conv1', 3, 2, 3), **conv_shapes('encoder.conv2', 4, 3, 3), **dense_shapes('z.code1', 8, 5),
        **dense_shapes('decoder.dense1', 5, 8), **conv_transpose_shapes('decoder.conv_transpose1', 3, 4, 3),
        **conv_transpose_shapes('decoder.conv_transpose2', 2, 3, 3)}, dict(x=unit(5, 2, 7, 10)), adamw(lr=1e-2, decay=0.05))
def conv_mirror(p, d):
    h = torch.tanh(conv(p, 'encoder.conv1', d['x'], stride=2, padding=1))
    h = torch.tanh(conv(p, 'encoder.conv2', h, stride=2))
    h = dense(p, 'decoder.dense1', dense(p, 'z.code1', h.flatten(1))).reshape(-1, 4, 1, 2)
    h = conv_transpose(p, 'decoder.conv_transpose1', torch.tanh(h), stride=2, output_padding=(1, 0))
    h = conv_transpose(p, 'decoder.conv_transpose2', torch.tanh(h), stride=2, padding=1, output_padding=(0, 1))
    return each(F.binary_cross_entropy_with_logits(h, d['x'], reduction='none'))


@model({**conv_shapes('encoder.conv1', 3, 1, 2), **dense_shapes('z.code1', 36, 5), **dense_shapes('decoder.dense1', 5, 24),
        **conv_transpose_shapes('decoder.conv_transpose1', 4, 2, 4), **conv_transpose_shapes('decoder.conv_transpose2', 1, 4, 2)},
       dict(x=unit(6, 1, 11, 13)), sgd(lr=0.05))
def conv_strides(p, d):
    h = F.elu(conv(p, 'encoder.conv1', d['x'], stride=4, padding=1))
    h = dense(p, 'decoder.dense1', dense(p, 'z.code1', h.flatten(1))).reshape(-1, 2, 3, 4)
    h = F.leaky_relu(conv_transpose(p, 'decoder.conv_transpose1', h, stride=3, padding=1, output_padding=(2, 1)))
    return F.binary_cross_entropy(torch.sigmoid(conv_transpose(p, 'decoder.conv_transpose2', h)), d['x'])


@model({**conv_shapes('encoder.conv1', 3, 2, 3), **conv_shapes('encoder.conv2', 4, 3, 3), **dense_shapes('z.code1', 24, 5),
        **dense_shapes('decoder.dense1', 5, 24), **conv_shapes('decoder.conv1', 3, 4, 3), **conv_shapes('decoder.conv2', 2, 3, 3)},
       dict(x=unit(5, 2, 8, 12)), rmsprop(lr=5e-3))
def pooling(p, d):
    h = F.max_pool2d(F.softplus(conv(p, 'encoder.conv1', d['x'], padding=1)), 3, 2, 1)
    h = F.avg_pool2d(F.silu(conv(p, 'encoder.conv2', h, padding=1)), 3, 2, 1)
    h = dense(p, 'decoder.dense1', dense(p, 'z.code1', h.flatten(1))).reshape(-1, 4, 2, 3)
    h = F.softplus(conv(p, 'decoder.conv1', F.interpolate(h, scale_factor=2), padding=1))
    h = conv(p, 'decoder.conv2', F.interpolate(h, scale_factor=2, mode='bilinear'), padding=1)
    return F.mse_loss(torch.sigmoid(h), d['x'])


@model({**conv_shapes('encoder.conv1', 3, 1, 3), **conv_shapes('encoder.conv2', 4, 3, 3), **dense_shapes('z.code1', 8, 5),
        **dense_shapes('decoder.dense1', 5, 8), **conv_shapes('decoder.conv1', 3, 4, 3), **conv_shapes('decoder.conv2', 1, 3, 3)},
       dict(x=unit(5, 1, 7, 11)), adam(lr=5e-3))
def switches(p, d):
    first = F.softplus(conv(p, 'encoder.conv1', d['x'], padding=1))
    h, at1 = F.max_pool2d(first, 2, return_indices=True)
    second = F.silu(conv(p, 'encoder.conv2', h, padding=1))
    h, at2 = F.max_pool2d(second, 3, 3, 1, return_indices=True)
    h = dense(p, 'decoder.dense1', dense(p, 'z.code1', h.flatten(1))).reshape(-1, 4, 1, 2)
    h = F.max_unpool2d(h, at2, 3, 3, 1, output_size=second.shape[2:])
    h = F.softplus(conv(p, 'decoder.conv1', h, padding=1))
    h = conv(p, 'decoder.conv2', F.max_unpool2d(h, at1, 2, output_size=first.shape[2:]), padding=1)
    return F.mse_loss(torch.sigmoid(h), d['x'])


@model({**conv_shapes('encoder.conv1', 3, 1, 2), **norm_shapes('encoder.batchnorm1', 3), **dense_shapes('z.code1', 36, 5),
        **dense_shapes('decoder.dense1', 5, 6), **norm_shapes('decoder.batchnorm1', 6), **dense_shapes('decoder.dense2', 6, 20)},
       dict(x=unit(7, 1, 4, 5)), adam(lr=1e-2, betas=(0.8, 0.95)))
def batch_norm(p, d):
    h = torch.tanh(batchnorm(p, 'encoder.batchnorm1', conv(p, 'encoder.conv1', d['x'])))
    h = dense(p, 'decoder.dense1', dense(p, 'z.code1', h.flatten(1)))
    h = dense(p, 'decoder.dense2', torch.tanh(batchnorm(p, 'decoder.batchnorm1', h))).reshape(-1, 1, 4, 5)
    return each(F.binary_cross_entropy_with_logits(h, d['x'], reduction='none'))


@model({**dense_shapes('encoder.dense1', 7, 6), **norm_shapes('encoder.layernorm1', 6), **dense_shapes('encoder.dense2', 6, 8),
        **dense_shapes('encoder.dense3', 8, 6), **norm_shapes('encoder.layernorm2', 6), **dense_shapes('z.code1', 6, 3),
        **dense_shapes('decoder.dense1', 3, 5), **dense_shapes('decoder.dense2', 5, 7)},
       dict(x=real(9, 7)), adamw(lr=5e-3, decay=0.2))
def layer_norm(p, d):
    h = dense(p, 'encoder.dense1', d['x'])
    r = F.gelu(dense(p, 'encoder.dense2', layernorm(p, 'encoder.layernorm1', h)))
    h = layernorm(p, 'encoder.layernorm2', h + dense(p, 'encoder.dense3', r))
    h = torch.tanh(dense(p, 'decoder.dense1', dense(p, 'z.code1', h)))
    return each((dense(p, 'decoder.dense2', h) - d['x'])**2 / 2)


@model({**lstm_shapes('encoder.lstm1', 3, 6), **dense_shapes('z.code1', 6, 2), **lstm_shapes('decoder.lstm1', 2, 7),
        **dense_shapes('decoder.dense1', 7, 3)}, dict(x=real(4, 5, 3)), adam(lr=1e-2))
def lstm_ae(p, d):
    z = dense(p, 'z.code1', lstm(p, 'encoder.lstm1', d['x'])[:, -1])
    h = lstm(p, 'decoder.lstm1', z[:, None].expand(-1, 5, -1))
    return each((dense(p, 'decoder.dense1', h) - d['x'])**2 / 2)


@model({**lstm_shapes('encoder.lstm1', 3, 5), **dense_shapes('z.code1', 5, 6), **{'decoder.lstm_decoder1.w': (3, 4, 6),
        'decoder.lstm_decoder1.u': (6, 4, 6), 'decoder.lstm_decoder1.b': (4, 6), 'decoder.lstm_decoder1.v': (6, 3),
        'decoder.lstm_decoder1.e': (3,)}}, dict(x=real(7, 4, 3)), adam(lr=1e-2))
def lstm_teacher(p, d):
    at = 'decoder.lstm_decoder1'
    z = dense(p, 'z.code1', lstm(p, 'encoder.lstm1', d['x'])[:, -1])
    h = lstm(p, at, F.pad(d['x'][:, :-1], (0, 0, 1, 0)), z)
    return each((h @ p[at + '.v'] + p[at + '.e'] - d['x'])**2 / 2)


@model({**gru_shapes('encoder.gru1', 3, 5), **dense_shapes('z.code1', 5, 2), **gru_shapes('decoder.gru1', 2, 7),
        **dense_shapes('decoder.dense1', 7, 3)}, dict(x=real(6, 4, 3)), sgd(lr=0.02, momentum=0.8, nesterov=True))
def gru_ae(p, d):
    z = dense(p, 'z.code1', gru(p, 'encoder.gru1', d['x']).mean(1))
    h = gru(p, 'decoder.gru1', z[:, None].expand(-1, 4, -1))
    return each((dense(p, 'decoder.dense1', h) - d['x']).abs())


@model({**dense_shapes('encoder.dense1', 3, 6), 'encoder.positions1.p': (5, 6), **norm_shapes('encoder.layernorm1', 6),
        **attention_shapes('encoder.attention1', 6, 2), **norm_shapes('encoder.layernorm2', 6),
        **dense_shapes('encoder.dense2', 6, 8), **dense_shapes('encoder.dense3', 8, 6), **dense_shapes('z.code1', 6, 9),
        'decoder.positions1.p': (5, 9), **attention_shapes('decoder.attention1', 9, 3), **dense_shapes('decoder.dense1', 9, 3)},
       dict(x=real(4, 5, 3)), adam(lr=5e-3))
def transformer(p, d):
    h = dense(p, 'encoder.dense1', d['x']) + p['encoder.positions1.p']
    h = h + attention(p, 'encoder.attention1', layernorm(p, 'encoder.layernorm1', h))
    r = F.gelu(dense(p, 'encoder.dense2', layernorm(p, 'encoder.layernorm2', h)))
    z = dense(p, 'z.code1', (h + dense(p, 'encoder.dense3', r))[:, -1])
    h = attention(p, 'decoder.attention1', z[:, None] + p['decoder.positions1.p'], causal=True)
    return F.mse_loss(dense(p, 'decoder.dense1', h), d['x'])


@model({**dense_shapes('encoder.dense1', 9, 6), **dense_shapes('z.mu.dense1', 6, 2), **dense_shapes('z.logvar.dense1', 6, 2),
        **dense_shapes('decoder.dense1', 2, 7), **dense_shapes('decoder.dense2', 7, 9)},
       dict(x=unit(5, 9), e=real(5, 2)), adam(lr=1e-2))
def vae(p, d):
    h = F.relu(dense(p, 'encoder.dense1', d['x']))
    mu, logvar = dense(p, 'z.mu.dense1', h), dense(p, 'z.logvar.dense1', h)
    z = mu + torch.exp(logvar / 2) * d['e']
    h = dense(p, 'decoder.dense2', torch.tanh(dense(p, 'decoder.dense1', z)))
    kl = (mu**2 + torch.exp(logvar) - 1 - logvar) / 2
    return each(F.binary_cross_entropy_with_logits(h, d['x'], reduction='none')) + 0.7 * each(kl)


@model({**dense_shapes('encoder.dense1', 8, 10), **dense_shapes('z.code1', 10, 4), **dense_shapes('decoder.dense1', 4, 8)},
       dict(x=unit(6, 8)), adam(lr=1e-2))
def sparse(p, d):
    h = torch.sigmoid(dense(p, 'encoder.dense1', d['x']))
    y = dense(p, 'decoder.dense1', dense(p, 'z.code1', h))
    rho, q = 0.1, h.mean(0)
    kl = (rho * torch.log(rho / q) + (1 - rho) * torch.log((1 - rho) / (1 - q))).sum()
    l2 = sum((v**2).sum() for k, v in p.items() if k.endswith('.w'))
    return F.mse_loss(y, d['x']) + 0.5 * kl + 0.02 * each(h.abs()) + 0.01 * l2


@model({**dense_shapes('encoder.dense1', 6, 5), **dense_shapes('pair.project.dense1', 5, 4)},
       dict(x=real(7, 6), v=real(7, 6)), adam(lr=1e-2))
def nt_xent(p, d):
    f = lambda x: dense(p, 'pair.project.dense1', torch.tanh(dense(p, 'encoder.dense1', x)))
    u = F.normalize(torch.cat([f(d['x']), f(d['v'])]), dim=1)
    n = len(d['x'])
    s = (u @ u.T / 0.3).masked_fill(torch.eye(2 * n, dtype=bool), -math.inf)
    return F.cross_entropy(s, torch.cat([torch.arange(n) + n, torch.arange(n)]))


@model({'encoder.embedding1.e': (9, 5), **dense_shapes('z.code1', 20, 3), **dense_shapes('decoder.dense1', 3, 6),
        **dense_shapes('decoder.dense2', 6, 36)}, dict(x=whole(9, 7, 4)),
       ('adagrad', dict(lr=0.05), lambda p: torch.optim.Adagrad(p, lr=0.05)))
def embedding(p, d):
    h = dense(p, 'z.code1', F.embedding(d['x'], p['encoder.embedding1.e']).flatten(1))
    h = dense(p, 'decoder.dense2', F.relu(dense(p, 'decoder.dense1', h))).reshape(-1, 4, 9)
    return each(F.cross_entropy(h.movedim(-1, 1), d['x'], reduction='none'))


@model({**dense_shapes('encoder.dense1', 6, 5), **dense_shapes('digit.head.dense1', 5, 4)},
       dict(x=real(8, 6), y=whole(4, 8)), rmsprop(lr=5e-3, momentum=0.5))
def classifier(p, d):
    return F.cross_entropy(dense(p, 'digit.head.dense1', F.silu(dense(p, 'encoder.dense1', d['x']))), d['y'])


@model({**conv_shapes('encoder.conv1', 2, 1, 3), **conv_shapes('part.head.conv1', 3, 2, 1)},
       dict(x=unit(7, 1, 4, 5), y=whole(3, 7, 4, 5)), adam(lr=1e-2))
def segmentation(p, d):
    l = conv(p, 'part.head.conv1', F.softsign(conv(p, 'encoder.conv1', d['x'], padding=1)))
    return each(F.cross_entropy(l, d['y'], reduction='none'))


@model({**dense_shapes('z.dense1', 4, 3), **dense_shapes('decoder.dense1', 3, 4)}, dict(x=real(5, 4)), adam(lr=1e-2))
def contractive(p, d):
    """The derivative of z = tanh(x w + b) is (1 - z^2) w'."""
    z = torch.tanh(dense(p, 'z.dense1', d['x']))
    jac = (1 - z**2)[:, :, None] * p['z.dense1.w'].T[None]
    return F.mse_loss(dense(p, 'decoder.dense1', z), d['x']) + 0.1 * each(jac**2)


@model({**dense_shapes('encoder.dense1', 5, 7), **dense_shapes('z.code1', 7, 3)},
       dict(x=real(6, 5), y=whole(3, 6)), adam(lr=1e-2))
def margin_pairs(p, d):
    z = dense(p, 'z.code1', torch.tanh(dense(p, 'encoder.dense1', d['x'])))
    i, j = torch.triu_indices(6, 6, 1)
    d2 = ((z[i] - z[j])**2).sum(1)
    return torch.where(d['y'][i] == d['y'][j], d2, F.relu(1.5 - d2.sqrt())**2).mean()


@model({**dense_shapes('encoder.dense1', 5, 6), **dense_shapes('z.code1', 6, 3)},
       dict(x=real(8, 5), y=whole(3, 8)), adam(lr=1e-2))
def triplets(p, d):
    """Semi-hard: the nearest negative beyond the positive, or the farthest where there is none."""
    z = dense(p, 'z.code1', torch.tanh(dense(p, 'encoder.dense1', d['x'])))
    d2, y, found = ((z[:, None] - z[None])**2).sum(-1), d['y'], []
    for a in range(len(y)):
        wrong = [q for q in range(len(y)) if y[q] != y[a]]
        for b in range(len(y)):
            if b != a and y[b] == y[a] and wrong:
                beyond = [d2[a, q] for q in wrong if d2[a, q] > d2[a, b]]
                other = torch.stack(beyond).min() if beyond else torch.stack([d2[a, q] for q in wrong]).max()
                found.append(F.relu(d2[a, b] - other + 0.5))
    return torch.stack(found).mean()


@model({**dense_shapes('encoder.dense1', 6, 5), **dense_shapes('stem.dense1', 5, 5), **dense_shapes('z.code1', 5, 2),
        **dense_shapes('decoder.dense1', 2, 5), **dense_shapes('decoder.dense2', 5, 6)}, dict(x=real(4, 6)), adam(lr=1e-2))
def shared(p, d):
    stem = lambda h: torch.tanh(dense(p, 'stem.dense1', h))
    z = dense(p, 'z.code1', stem(stem(dense(p, 'encoder.dense1', d['x']))))
    return F.mse_loss(dense(p, 'decoder.dense2', stem(dense(p, 'decoder.dense1', z))), d['x'])


@model({**dense_shapes('encoder.dense1', 6, 9), **dense_shapes('decoder.dense1', 9, 6)}, dict(x=real(5, 6)), sgd(lr=0.01))
def k_sparse(p, d):
    h = dense(p, 'encoder.dense1', d['x'])
    keep = torch.zeros_like(h).scatter(1, h.topk(3, dim=1).indices, 1.0)
    return F.huber_loss(dense(p, 'decoder.dense1', h * keep), d['x'], delta=0.7)


@model({**dense_shapes('encoder.dense1', 7, 4), **dense_shapes('z.code1', 4, 2), **dense_shapes('decoder.dense1', 2, 7)},
       dict(x=unit(5, 7)), ('sgd', dict(lr=0.5, schedule='cosine(warmup = 3)', clip=0.1), None))
def schedule(p, d):
    h = torch.tanh(dense(p, 'encoder.dense1', d['x']))
    return F.mse_loss(dense(p, 'decoder.dense1', dense(p, 'z.code1', h)), d['x'])


class Scheduled:
    """sgd(lr = 0.5) in ten epochs of one step, cosine(warmup = 3), the gradient's norm clipped to 0.1."""
    def __init__(self, p):
        self.p, self.epoch = p, 0
        self.inner = torch.optim.SGD(p, lr=0.5)

    def zero_grad(self):
        self.inner.zero_grad()

    def step(self):
        e = self.epoch
        factor = e / 3 if e < 3 else (1 + math.cos(math.pi * (e - 3) / 7)) / 2
        torch.nn.utils.clip_grad_norm_(self.p, 0.1)
        for group in self.inner.param_groups:
            group['lr'] = 0.5 * factor
        self.inner.step()
        self.epoch += 1


MODELS['schedule'] = MODELS['schedule'][:3] + (MODELS['schedule'][3][:2] + (Scheduled,),) + MODELS['schedule'][4:]


def main(names):
    for name in names or MODELS:
        record(name)


if __name__ == '__main__':
    main(sys.argv[1:])
