"""Records the training of a restricted Boltzmann machine on moved digits: run by hand, the file it writes is kept.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install numpy scipy scikit-learn
    /tmp/v/bin/python tests/catalogue/record_rbm.py

The data and the machine are those of scikit-learn's example plot_rbm_logistic_classification, whose log has -25.4, -21.7
and -20.1 after 1, 5 and 10 epochs, with three differences. Each number here is the mean of many seeds, which after
one epoch lie half a nat apart. It is the pseudo-likelihood itself: the log's flips one bit a row by chance and times 64.
And the last batch of an epoch, of 8 rows, is left out: `fit` sets 10 chains against it and then scores, which costs 0.2
nats after 5 epochs. Writes rbm.txt: a line of words; epochs; the pseudo-likelihood after them."""
import os

import numpy as np
from sklearn.datasets import load_digits
from sklearn.neural_network import BernoulliRBM
from sklearn.preprocessing import minmax_scale

SEEDS, EPOCHS = 12, (1, 5, 10)


def softplus(u):
    return np.logaddexp(0, u)


def pseudo_likelihood(rbm, v):
    push = v @ rbm.components_.T + rbm.intercept_hidden_
    still, total = softplus(push).sum(1), 0
    for i in range(v.shape[1]):
        turn = 1 - 2 * v[:, i]
        other = turn * rbm.intercept_visible_[i] + softplus(push + turn[:, None] * rbm.components_[:, i]).sum(1)
        total -= softplus(other - still)
    return total.mean()


digits = np.pad(load_digits().data.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
moved = [digits[:, 1 + i:9 + i, 1 + j:9 + j] for i, j in ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))]
x = minmax_scale(np.concatenate(moved).reshape(-1, 64))
trace = []
for seed in range(SEEDS):
    rng = np.random.RandomState(seed)
    train = x[rng.permutation(len(x))[:len(x) * 4 // 5]]
    rbm = BernoulliRBM(n_components=100, learning_rate=0.06, random_state=rng)
    row = []
    for epoch in range(1, max(EPOCHS) + 1):
        order = rng.permutation(len(train))
        for lo in range(0, len(order) - 9, 10):
            rbm.partial_fit(train[order[lo:lo + 10]])
        if epoch in EPOCHS:
            row.append(pseudo_likelihood(rbm, train))
    print(seed, *row, flush=True)
    trace.append(row)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'rbm.txt'), 'w') as f:
    print(f'Pseudo-likelihood of moved digits, mean of {SEEDS} seeds, by record_rbm.py', file=f)
    print(*EPOCHS, file=f)
    print(*(f'{m:.6g}' for m in np.mean(trace, 0)), file=f)
    print('deviations', np.std(trace, 0, ddof=1))
