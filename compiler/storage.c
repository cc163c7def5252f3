/* storage.c -- how much memory the arrays of an emitted program take, and whether a
 * program can hold them.
 *
 * Relies on plan.c having put temporaries into places. Code reaches its arrays by 32-bit
 * distances, which gives a program less than 2 GiB of them; beyond, the linker would fail with
 * messages about relocations. */
#include "emit.h"

static const double MOST = 2147483648.0
    - 67108864.0; /* 64 MiB are left to the code and the trainer */

static bool is_own(const Var *v)
{
    return v->used && !v->alias && v->tensor->role != ROLE_clock && v->tensor->role != ROLE_param
        && v->tensor->role != ROLE_grad;
}

/* All arrays but for temporaries in the fast schedule, which plan.c counts. */
static double all_bytes(Emit *e, Var **largest)
{
    double sum = 2.0 * (double) e->m->nparams * (e->how.f64 ? 8 : 4), most = 0;
    EACH(v, e->vars) {
        const double bytes = (double) tensor_bytes(e, v->tensor);
        if (is_own(v) && !(e->how.fast && v->tensor->role == ROLE_temp))
            sum += bytes;
        if ((is_own(v) || v->tensor->role == ROLE_param) && v->tensor->place.source
            && bytes > most) {
            *largest = v;
            most = bytes;
        }
    }
    return sum + (e->how.fast ? plan_bytes(e) : 0);
}

bool storage_fits(const Module *m, double bytes, const Tensor *largest, double its)
{
    if (bytes <= MOST || !largest)
        return true;
    Buf shape = { 0 };
    for (int k = 0; k < largest->rank; k++)
        buf_add(&shape, "%s%d", k ? ", " : "", largest->axis[k].size);
    report(largest->place, DIAG_too_large, bytes_text(bytes));
    report_note(largest->place, "`%s`, [%s], takes %s of it", largest->name,
                shape.at ? shape.at : "", bytes_text(its));
    if (largest->rank && largest->axis[0].example)
        report_help("a smaller `batch` than %d takes less, and so do smaller sizes", m->batch_max);
    else
        report_help("smaller sizes take less; parameters count twice, with their gradients");
    return false;
}

bool check_storage(Emit *e)
{
    Var *largest = NULL;
    const double bytes = all_bytes(e, &largest);
    return storage_fits(e->m, bytes, largest ? largest->tensor : NULL,
                        largest ? (double) tensor_bytes(e, largest->tensor) : 0);
}
