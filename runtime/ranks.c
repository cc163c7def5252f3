/* ranks.c -- one training by several processes that MPI starts: its ranks, 0, 1 ...
 *
 * Each rank has all of the data and of the model, and takes its part of each batch. What the ranks
 * add up they add in the order of their numbers, whoever comes first, so all get the same bits,
 * and the same in each run with as many ranks. Rank 0 alone speaks and writes. Compiled without
 * -DAE_MPI there is one rank, and nothing to do. */
#define _GNU_SOURCE
#include "runtime.h"
#include <signal.h>
#include <time.h>
#ifdef AE_MPI
#include <mpi.h>
#include <sched.h>
#endif

static int number, count = 1;

int ranks(void) { return count; }
int ranks_number(void) { return number; }
bool ranks_first(void) { return number == 0; }

/* Of n rows the first ranks have one more. One without a row takes the last: its states then are
 * of some row, as all others' are, and what it finds counts for nothing. */
Part ranks_part(int n)
{
    const int all = n / count, more = n % count, counted = all + (number < more);
    const int first = number * all + ae_imin(number, more);
    return (Part) { .first = counted ? first : n - 1, .rows = counted ? counted : 1, .counted = counted };
}

#ifdef AE_MPI
const bool ranks_mpi = true;
#ifdef AE_DOUBLE
#define REAL MPI_DOUBLE
#else
#define REAL MPI_FLOAT
#endif

void ranks_begin(int *argc, char ***argv)
{
    int given;
    MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &given);
    MPI_Comm_rank(MPI_COMM_WORLD, &number);
    MPI_Comm_size(MPI_COMM_WORLD, &count);
    if (number && !freopen("/dev/null", "w", stdout))
        fail("/dev/null cannot be opened");
}

void ranks_end(void) { MPI_Finalize(); }
void ranks_leave(void) { count = 1; }

/* Where all ranks fail, for want of a file, the first of them speaks and ends the others; where
 * one does, it has to wait in vain before it speaks. */
void ranks_wait(void)
{
    const int tenths = ae_imin(number, 30) * 2;
    signal(SIGTERM, SIG_DFL);
    nanosleep(&(struct timespec) { tenths / 10, tenths % 10 * 100000000L }, NULL);
}

_Noreturn void ranks_quit(int status)
{
    int begun, ended;
    fflush(NULL);
    if (MPI_Initialized(&begun) == MPI_SUCCESS && begun && MPI_Finalized(&ended) == MPI_SUCCESS
        && !ended)
        MPI_Abort(MPI_COMM_WORLD, status);
    exit(status);
}

int ranks_most(int v)
{
    int most;
    MPI_Allreduce(&v, &most, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    return most;
}

double ranks_told(double v)
{
    MPI_Bcast(&v, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    return v;
}

void ranks_sum(double *at, int n)
{
    double *const all = need((size_t) n * (size_t) count, sizeof *all);
    MPI_Allgather(at, n, MPI_DOUBLE, all, n, MPI_DOUBLE, MPI_COMM_WORLD);
    for (int k = 0; k < n; k++) {
        at[k] = 0;
        for (int r = 0; r < count; r++)
            at[k] += all[(long) r * n + k];
    }
    free(all);
}

/* Each rank adds up a slice of the numbers of all and gives it to them; at most
 * PIECE numbers at a time. */
void ranks_add(const ae_real *from, ae_real *to, long n)
{
    enum { PIECE = 1 << 22 };
    static int *size, *at, *mine, *row;
    static ae_real *got;
    if (!got) {
        size = need(4 * (size_t) count, sizeof *size);
        at = size + count;
        mine = at + count;
        row = mine + count;
        got = need((size_t) (n < PIECE ? n : PIECE) + (size_t) count, sizeof *got);
    }
    for (long done = 0; done < n; done += PIECE) {
        const int piece = (int) (n - done < PIECE ? n - done : PIECE);
        for (int r = 0; r < count; r++) {
            at[r] = (int) ((long) piece * r / count);
            size[r] = (int) ((long) piece * (r + 1) / count) - at[r];
        }
        const int own = size[number];
        for (int r = 0; r < count; r++) {
            mine[r] = own;
            row[r] = own * r;
        }
        MPI_Alltoallv(from + done, size, at, REAL, got, mine, row, REAL, MPI_COMM_WORLD);
        for (int r = 1; r < count; r++)
            for (int k = 0; k < own; k++)
                got[k] += got[(long) r * own + k];
        MPI_Allgatherv(got, own, REAL, to + done, size, at, REAL, MPI_COMM_WORLD);
    }
}

void *ranks_gather(const void *at, size_t bytes)
{
    enum { PIECE = 1 << 24 };
    const int sum = (int) (crc32_more(0, at, bytes) >> 1);
    if (ranks_most(sum) == -ranks_most(-sum))
        return NULL;
    char *const all = number ? NULL : need(bytes, (size_t) count);
    MPI_Request *const from = need((size_t) count, sizeof *from);
    for (size_t done = 0; done < bytes; done += PIECE) {
        const int piece = (int) (bytes - done < PIECE ? bytes - done : PIECE);
        if (number) {
            MPI_Send((const char *) at + done, piece, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
            continue;
        }
        memcpy(all + done, (const char *) at + done, (size_t) piece);
        for (int r = 1; r < count; r++)
            MPI_Irecv(all + bytes * (size_t) r + done, piece, MPI_BYTE, r, 0, MPI_COMM_WORLD,
                      &from[r - 1]);
        MPI_Waitall(count - 1, from, MPI_STATUSES_IGNORE);
    }
    free(from);
    return all;
}

/* mpirun may bind a rank to some cores; else the ranks of one machine share what it has. */
int ranks_threads(int cores)
{
    MPI_Comm machine;
    int here;
    cpu_set_t allowed;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_size(machine, &here);
    MPI_Comm_free(&machine);
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        cores = CPU_COUNT(&allowed) < cores ? CPU_COUNT(&allowed) : cores / here;
    return ae_imax(1, cores);
}

#else
const bool ranks_mpi = false;
void ranks_begin(int *argc, char ***argv) { (void) argc, (void) argv; }
void ranks_end(void) { }
void ranks_leave(void) { }
void ranks_wait(void) { }
_Noreturn void ranks_quit(int status) { exit(status); }
int ranks_most(int v) { return v; }
double ranks_told(double v) { return v; }
void ranks_sum(double *at, int n) { (void) at, (void) n; }
void ranks_add(const ae_real *from, ae_real *to, long n)
{
    memcpy(to, from, (size_t) n * sizeof *to);
}
void *ranks_gather(const void *at, size_t bytes) { (void) at, (void) bytes; return NULL; }
int ranks_threads(int cores) { return cores; }
#endif
