/* fuse.c -- the order of loops, and which statements share them.
 *
 * Two statements may share a loop when wherever they touch the same element they do so at the same value of
 * its index, so that running both for one value, then both for the next, changes nothing. Accumulations of
 * one kind onto the same element may pass each other.
 * The order of loops follows from sizes and subscripts alone, so the order of additions does too. */
#include "emit.h"

/* ---- the order of loops ---------------------------------------------------------------------------- */
/* What stepping an index costs as the innermost loop: nothing where it is absent, little along memory. */
static int step_cost(Stmt *s, AccessList *list, Index *i)
{
    int cost = 0;
    for (int k = 0; k < list->n; k++) {
        Access *a = &list->at[k];
        bool known = false;
        if (!a->sub || a->tensor->rank == 0)
            continue;
        const long stride = index_stride(a->sub, a->tensor, i, &known);
        cost += !known ? 4 : stride == 0 ? 0 : stride == 1 || stride == -1 ? 1 : 4;
    }
    (void) s;
    return cost;
}

static bool limits_another(Stmt *s, Index *i)
{
    for (int k = 0; k < s->nindex; k++)
        if (s->index[k]->limit && expr_uses(s->index[k]->limit, i))
            return true;
    return false;
}

/* The index that runs fastest in an accumulation. */
static Index *pick_inner(Emit *e, Stmt *s)
{
    AccessList list = stmt_accesses(s);
    Index *best = NULL;
    int least = 0;
    for (int k = 0; k < s->nindex; k++) {
        Index *i = s->index[k];
        if (limits_another(s, i))
            continue;
        int cost = 4 * step_cost(s, &list, i);
        cost += i->size < 4 ? (e->how.fast ? 12 : 2) : 0;
        cost += reduces(s, i) ? -1 : 0;
        if (!best || cost <= least) {
            best = i;
            least = cost;
        }
    }
    return best;
}

static bool is_example(Stmt *s, Index *i)
{
    AccessList list = stmt_accesses(s);
    for (int k = 0; k < list.n; k++)
        for (int j = 0; list.at[k].sub && j < list.at[k].tensor->rank; j++)
            if (list.at[k].tensor->axis[j].example && is_index(list.at[k].sub[j], i))
                return true;
    return false;
}

static int place_in_target(Stmt *s, Index *i)
{
    int place = s->target->rank;
    for (int k = s->target->rank; k-- > 0;)
        if (is_index(s->sub[k], i))
            place = k;
    return place * 4 + (reduces(s, i) ? 3 : 0);
}

/* Insertion sort by rank, which keeps what is equal in its order. */
static void sort_indices(Index **at, int n, const int *rank)
{
    int r[2 * MAX_RANK];
    memcpy(r, rank, (size_t) n * sizeof *r);
    for (int k = 1; k < n; k++)
        for (int j = k; j > 0 && r[j - 1] > r[j]; j--) {
            Index *i = at[j];
            at[j] = at[j - 1];
            at[j - 1] = i;
            const int t = r[j];
            r[j] = r[j - 1];
            r[j - 1] = t;
        }
}

/* An index stands inside of those that its limit reads. */
static void mend_limits(Stmt *s, int n)
{
    for (int k = 0; k < n; k++)
        for (int j = k + 1; j < n; j++)
            if (s->index[k]->limit && expr_uses(s->index[k]->limit, s->index[j])) {
                Index *i = s->index[j];
                memmove(&s->index[k + 1], &s->index[k], (size_t) (j - k) * sizeof i);
                s->index[k] = i;
                j = k;
            }
}

void order_loops(Emit *e, Stmt *s)
{
    int rank[2 * MAX_RANK];
    const int n = s->nouter;
    Index *inner = s->set >= SET_add && s->set <= SET_min && n > 1 ? pick_inner(e, s) : NULL;
    for (int k = 0; k < n; k++) {
        Index *i = s->index[k];
        const bool first = !e->how.fast && is_example(s, i);
        rank[k] = i == inner ? 1000 : first ? -1 : place_in_target(s, i);
    }
    sort_indices(s->index, n, rank);
    mend_limits(s, n);
}

/* ---- what may share a loop ---------------------------------------------------------------------------- */
static bool may_pass(const Access *a, const Access *b)
{
    return a->write && b->write && a->set >= 0 && a->set == b->set && a->tensor == b->tensor;
}

static bool points_agree(Emit *e, Stmt *r, Index *ir, Stmt *s, Index *is)
{
    AccessList p = stmt_accesses(r), q = stmt_accesses(s);
    for (int i = 0; i < p.n; i++)
        for (int j = 0; j < q.n; j++)
            if (conflict(e, &p.at[i], &q.at[j]) && !may_pass(&p.at[i], &q.at[j])
                && !meet_alike(e, &p.at[i], ir, &q.at[j], is))
                return false;
    return true;
}

static bool tree_agrees(Emit *e, Node *loop, Index *outer, Stmt *s, Index *is)
{
    for (int k = 0; k < loop->body.n; k++) {
        Node *n = loop->body.at[k];
        if (n->kind == NODE_loop ? !tree_agrees(e, n, outer, s, is) : !points_agree(e, n->stmt, outer, s, is))
            return false;
    }
    return true;
}

static bool same_range(Index *a, Index *b)
{
    return a->size == b->size && (a->limit == b->limit || (a->limit && b->limit && expr_same(a->limit, b->limit)));
}

/* A sum is told from its neighbours: its innermost loop, when that reduces, is its own. */
static bool is_private(Node *loop, Stmt *s, int level)
{
    if (level == s->nouter - 1 && s->set != SET_is && reduces(s, s->index[level]))
        return true;
    for (int k = 0; k < loop->body.n; k++)
        if (loop->body.at[k]->kind == NODE_point && reduces(loop->body.at[k]->stmt, loop->index))
            return true;
    return false;
}

static Node *node_new(NodeKind kind, Stmt *s)
{
    Node *n = NEW(Node);
    n->kind = kind;
    n->stmt = s;
    return n;
}

/* The loops of s from a level on, around its point. */
static Node *chain(Stmt *s, int level)
{
    if (level >= s->nouter)
        return node_new(NODE_point, s);
    Node *loop = node_new(NODE_loop, NULL);
    loop->index = s->index[level];
    PUSH(loop->body, chain(s, level + 1));
    return loop;
}

/* Only numbers set so far: the names of its indices say nothing yet. */
static bool only_fills(Node *n)
{
    if (n->kind == NODE_point)
        return n->stmt->set == SET_is && n->stmt->value->kind == EXPR_num;
    for (int k = 0; k < n->body.n; k++)
        if (!only_fills(n->body.at[k]))
            return false;
    return true;
}

static void insert(Emit *e, NodeList *list, Stmt *s, int level)
{
    Node *last = list->n ? list->at[list->n - 1] : NULL;
    if (last && last->kind == NODE_loop && level < s->nouter && same_range(last->index, s->index[level])
        && !is_private(last, s, level) && tree_agrees(e, last, last->index, s, s->index[level])) {
        Index *mine = s->index[level];
        Expr *to = expr_index(last->index);
        if (only_fills(last))
            last->index->name = mine->name;
        stmt_replace(s, &mine, &to, 1);
        s->index[level] = last->index;
        insert(e, &last->body, s, level + 1);
        return;
    }
    PUSH(*list, chain(s, level));
}

/* Sets all of a tensor to a number: it goes as far up as it may, out of the way of what could share loops. */
static bool is_clear(Stmt *s)
{
    if (s->set != SET_is || s->value->kind != EXPR_num || s->where || s->check || s->held)
        return false;
    for (int k = 0; k < s->nindex; k++)
        if (s->index[k]->limit)
            return false;
    return s->nindex > 0;
}

static bool tree_depends(Emit *e, Node *n, Stmt *s)
{
    if (n->kind != NODE_loop)
        return depends(e, n->stmt, s);
    for (int k = 0; k < n->body.n; k++)
        if (tree_depends(e, n->body.at[k], s))
            return true;
    return false;
}

static void put_first(Emit *e, NodeList *list, Node *n, Stmt *s)
{
    int at = list->n;
    while (at > 0 && !tree_depends(e, list->at[at - 1], s))
        at--;
    PUSH(*list, n);
    memmove(&list->at[at + 1], &list->at[at], (size_t) (list->n - 1 - at) * sizeof n);
    list->at[at] = n;
}

/* ---- all of a list ------------------------------------------------------------------------------------- */
static bool is_alias(Emit *e, Stmt *s)
{
    return s->kind == STMT_reshape && (var_of(e, s->target)->alias == var_of(e, s->source));
}

NodeList fuse(Emit *e, Stmt **stmts, int n)
{
    NodeList out = { 0 };
    for (int k = 0; k < n; k++) {
        Stmt *s = stmts[k];
        if (is_alias(e, s))
            continue;
        if (s->kind == STMT_nest) {
            const int had = out.n;
            insert(e, &out, s, 0);
            if (out.n > had && is_clear(s)) {
                Node *last = out.at[--out.n];
                put_first(e, &out, last, s);
            }
            continue;
        }
        Node *node = node_new(s->kind == STMT_scan ? NODE_scan : NODE_call, s);
        if (s->kind == STMT_scan) {
            node->index = s->step;
            node->body = fuse(e, s->body.at, s->body.n);
        }
        PUSH(out, node);
    }
    return out;
}
