/* main.c -- the trainer's main(): the table of commands, threads, and the check that
   what was printed arrived. */
#define _GNU_SOURCE
#include "runtime.h"
#include <errno.h>
#include <signal.h>
#include <unistd.h>
#ifdef _OPENMP
#include <omp.h>

/* A thread that waits at a barrier spins for some 14 ms by default before it sleeps (300,000
 * rounds). On a machine with other work that is most of the time: 20 s instead of 0.6 s for a
 * small model, measured with load 5 on 2 cores. The number is read when the library is loaded, so
 * it takes a second start to set it. */
static void spin_briefly(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT")
        || setenv("GOMP_SPINCOUNT", "2000", 1) != 0)
        return;
    execv("/proc/self/exe", argv);      /* where that fails, the default stays */
}
#else
static void spin_briefly(char **argv) { (void) argv; }
#endif

/*    name           run                   args  takes             does, and whether all ranks do it together */
const Command commands[] = {
    { "train",       't', command_train,        0, "",                  "runs the phases; keeps weights, metrics and a report in --out", true },
    { "eval",        'v', command_eval,         0, "",                  "every loss term and metric of a split" },
    { "encode",      'e', command_encode,       0, "-o FILE",           "the codes of a split" },
    { "decode",      'd', command_decode,       1, "CODES -o FILE",     "what codes (.npy, .csv) decode to" },
    { "reconstruct", 'r', command_reconstruct,  0, "-o FILE",           "the reconstructions of a split" },
    { "sample",      'a', command_sample,       0, "-o FILE",           "draws from the prior, decoded" },
    { "interpolate", 'm', command_interpolate,  2, "A B -o FILE",       "decodes the way from row A's code to row B's" },
    { "traverse",    'u', command_traverse,     1, "ROW -o FILE",       "each unit of a row's code along its range, decoded" },
    { "compress",    'z', command_compress,     0, "[-o FILE]",         "what codes in fewer bits cost; writes them" },
    { "cluster",     'k', command_cluster,      1, "K [-o FILE]",       "K groups of codes, and how they agree with classes" },
    { "predict",     'p', command_predict,      0, "-o FILE",           "what the downstream tasks predict" },
    { "show",        'h', command_show,         1, "WHAT -o FILE",      "field, units, filters, codes, lattice, map (t-SNE), relations" },
    { "score",       's', command_score,        0, "[-o FILE]",         "an anomaly score for each row; AUC where labels tell" },
    { "nearest",     'w', command_nearest,      1, "WORD",              "the words whose vectors lie nearest to that of a word" },
    { "analogy",     'y', command_analogy,      3, "A B C",             "what is to C as B is to A, by vectors of words" },
    { "similarity",  'l', command_similarity,   1, "FILE",              "how well vectors agree with what people say of pairs of words" },
    { "export",      'x', command_export,       0, "--c | --onnx | --safetensors [-o FILE]", "the model for other programs: as C without the trainer, as ONNX, or its weights" },
    { "grad",        'g', command_grad,         0, "-o FILE",           "loss and gradients of the first batch, without an update" },
    { "gradcheck",   'c', command_gradcheck,    0, "",                  "gradients against central differences, in double" },
    { "bench",       'b', command_bench,        0, "",                  "how fast it trains", true },
    { "info",        'i', command_info,         0, "",                  "model, data, parameters" },
};
const int ncommands = sizeof commands / sizeof *commands;

static void use_threads(void)
{
    if (!opt.threads) {
        const long cores = sysconf(_SC_NPROCESSORS_ONLN);
        opt.threads = ranks_threads(cores > 0 ? (int) cores : 1);
    }
    if (!ae_model.fast)
        opt.threads = 1;
#ifdef _OPENMP
    omp_set_dynamic(0);
    omp_set_num_threads(opt.threads);
#else
    opt.threads = 1;
#endif
}

int main(int argc, char **argv)
{
    /* A reader that left is an error of the write, not the end of a training. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);       /* as is a file that may not grow */
    spin_briefly(argv);
    ranks_begin(&argc, &argv);
    const int c = options_parse(argc, argv);
    if (c >= 0) {
        use_threads();
        if (!commands[c].together)
            ranks_leave();
        if (commands[c].together || ranks_first())
            commands[c].run();
    }
    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout) || fclose(stdout) != 0)
        fail("standard output: %s", errno ? strerror(errno) : "could not be written");
    ranks_end();
    return c == -2 ? 2 : 0;
}
