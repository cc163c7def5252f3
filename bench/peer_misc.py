#!/usr/bin/env python3
"""ONNX Runtime (inference) and gensim (word2vec) as peers; see measure.py for how they are asked.

    peer_misc.py --mode onnxruntime --workload mlp_ae_encoder --batch 1
    peer_misc.py --mode gensim --workload word2vec --threads 2

For gensim, which has no step of its own, every window is a pass over the corpus, however long it takes. gensim_file
reads the corpus from a file, which leaves less to Python.
"""
import os
import sys
import time

from measure import arguments, finish, process_age, say, serve_calls
from workloads import TOKENS, corpus, write_corpus

args = arguments(__doc__, ["onnxruntime", "gensim", "gensim_file"])
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1" if args.workload == "word2vec" else str(args.threads)
import numpy as np                                              # noqa: E402


def onnx_models():
    from onnx import TensorProto, helper, numpy_helper
    rng = np.random.default_rng(0)
    inits = []

    def w(name, *shape):
        a = (rng.standard_normal(shape) * 0.05).astype("f")
        inits.append(numpy_helper.from_array(a, name))
        return name

    def model(nodes, shape_in, shape_out):
        vi = helper.make_tensor_value_info
        g = helper.make_graph(nodes, "g", [vi("x", TensorProto.FLOAT, ["n"] + shape_in)],
                              [vi("y", TensorProto.FLOAT, ["n"] + shape_out)], list(inits))
        inits.clear()
        m = helper.make_model(g, opset_imports=[helper.make_opsetid("", 17)])
        m.ir_version = 8
        return m.SerializeToString()
    node = helper.make_node

    def gemm(x, y, n, a, b):
        return node("Gemm", [x, w(n + "w", b, a), w(n + "b", b)], [y], transB=1)
    mlp = [gemm("x", "a", "e1", 784, 128), node("Relu", ["a"], ["h"]), gemm("h", "y", "e2", 128, 32)]
    yield "mlp_ae_encoder", model(mlp, [784], [32]), (784,)
    inits.append(numpy_helper.from_array(np.array([-1, 32, 7, 7], np.int64), "shape"))
    s = dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    conv = [node("Conv", ["x", w("c1", 16, 1, 3, 3), w("c1b", 16)], ["a1"], **s),
            node("Relu", ["a1"], ["h1"]),
            node("Conv", ["h1", w("c2", 32, 16, 3, 3), w("c2b", 32)], ["a2"], **s),
            node("Relu", ["a2"], ["h2"]), node("Flatten", ["h2"], ["f"]),
            gemm("f", "z", "e", 1568, 32), gemm("z", "d", "d", 32, 1568),
            node("Relu", ["d"], ["h3"]), node("Reshape", ["h3", "shape"], ["i"]),
            node("ConvTranspose", ["i", w("t1", 32, 16, 3, 3), w("t1b", 16)], ["a4"],
                 output_padding=[1, 1], **s),
            node("Relu", ["a4"], ["h4"]),
            node("ConvTranspose", ["h4", w("t2", 16, 1, 3, 3), w("t2b", 1)], ["a5"],
                 output_padding=[1, 1], **s),
            node("Sigmoid", ["a5"], ["y"])]
    yield "conv_mnist_recon", model(conv, [1, 28, 28], [1, 28, 28]), (1, 28, 28)


def infer():
    import onnxruntime
    blob, shape = next((b, s) for name, b, s in onnx_models() if name == args.workload)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    s = onnxruntime.InferenceSession(blob, options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).random((args.batch,) + shape, dtype="f")
    s.run(None, {"x": x})
    serve_calls(lambda: s.run(None, {"x": x}), args.batch, version=onnxruntime.__version__,
                first_step_s=round(process_age(), 2))


def word2vec():
    begun = time.perf_counter()
    if args.mode == "gensim_file":
        source = {"corpus_file": write_corpus()}
    else:
        source = {"corpus_iterable": [["w%d" % i for i in row] for row in corpus()]}
    data_s = time.perf_counter() - begun
    import gensim
    from gensim.models import Word2Vec
    m = Word2Vec(vector_size=100, window=5, sg=1, negative=5, sample=0, min_count=1, alpha=0.025,
                 workers=args.threads, seed=1)
    m.build_vocab(**source)
    more = {"total_words": m.corpus_total_words} if args.mode == "gensim_file" else {}
    say(version=gensim.__version__, first_step_s=round(process_age() - data_s, 2))
    for _ in sys.stdin:
        begun = time.perf_counter()
        m.train(**source, total_examples=m.corpus_count, epochs=1, **more)
        seconds = time.perf_counter() - begun
        say(samples_per_s=TOKENS / seconds, step_ms=1e3 * seconds)
    finish()


if args.workload == "word2vec":
    word2vec()
else:
    infer()
