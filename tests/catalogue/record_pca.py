"""Records principal components of the 1,797 digits: run by hand, the file it writes is kept.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install numpy scikit-learn
    /tmp/v/bin/python tests/catalogue/record_pca.py

Data and solver are independent of the trainer: the digits as scikit-learn carries them, and LAPACK's singular values.
Writes pca.txt: a line of words; columns, components, directions kept; the mean squared error over all elements that
the first m components leave, m = 0, 1, ..; the first directions."""
import os

import numpy as np
from sklearn.datasets import load_digits

MOST, KEPT = 16, 8
x = load_digits().data / 16.0
u, s, v = np.linalg.svd(x - x.mean(0), full_matrices=False)
left = [float((s[m:] ** 2).sum() / x.size) for m in range(MOST + 1)]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'pca.txt'), 'w') as f:
    print('Principal components of the digits in 0..1, by record_pca.py', file=f)
    print(x.shape[1], MOST, KEPT, file=f)
    print(*(f'{e:.10g}' for e in left), file=f)
    for d in v[:KEPT]:
        print(*(f'{e:.8g}' for e in d), file=f)
