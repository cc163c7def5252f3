/* fuse.c -- the order of loops, and which statements share them.
 *
 * Two statements may share a loop when wherever they touch the same element they do so at the same
 * value of its index, so that running both for one value, then both for the next, changes nothing.
 * Accumulations of one kind onto the same element may pass each other. The order of loops follows
 * from sizes and subscripts alone, so the order of additions does too. */
#include "emit.h"

/* ---- the order of loops --------------------------------------------------------------------- */
/* What stepping an index costs as the innermost loop: nothing where it is absent,
 * little along memory. */
static int step_cost(const AccessList *list, Index *i)
{
    int cost = 0;
    EACH_AT(a, *list) {
        bool known = false;
        if (!a->sub || a->tensor->rank == 0)
            continue;
        const long stride = index_stride(a->sub, a->tensor, i, &known);
        cost += !known ? 4 : stride == 0 ? 0 : stride == 1 || stride == -1 ? 1 : 4;
    }
    return cost;
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
        int cost = 4 * step_cost(&list, i);
        cost += !e->how.fast ? (i->size < 4 ? 2 : 0) : i->size < 10 ? 3 * (10 - i->size) : 0;
        cost += reduces(s, i) ? -1 : 0;
        if (!best || cost <= least) {
            best = i;
            least = cost;
        }
    }
    return best;
}

static int place_in_target(Stmt *s, Index *i)
{
    int place = s->target->rank;
    for (int k = s->target->rank; k-- > 0;)
        if (is_index(s->sub[k], i) || (s->set == SET_is && expr_uses(s->sub[k], i)))
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
            SWAP(at[j], at[j - 1]);
            SWAP(r[j], r[j - 1]);
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
    Index *inner = accumulates(s) && n > 1 ? pick_inner(e, s) : NULL;
    for (int k = 0; k < n; k++) {
        Index *i = s->index[k];
        const bool first = !e->how.fast && tells_example(s, i);
        rank[k] = i == inner ? 1000 : first ? -1 : place_in_target(s, i);
    }
    sort_indices(s->index, n, rank);
    mend_limits(s, n);
}

static bool is_pointwise(Stmt *s)
{
    return s->kind == STMT_nest && s->set == SET_is && s->nouter == s->nindex;
}

int chain_start(Emit *e, StmtList *list, int at)
{
    while (at > 0 && is_pointwise(list->at[at]) && is_pointwise(list->at[at - 1])
           && stmt_points(list->at[at]) == stmt_points(list->at[at - 1])
           && depends(e, list->at[at - 1], list->at[at]))
        at--;
    return at;
}

/* ---- what may share a loop ------------------------------------------------------------------ */
static bool may_pass(const Access *a, const Access *b)
{
    return a->write && b->write && a->set >= 0 && a->set == b->set && a->tensor == b->tensor;
}

static bool points_agree(Emit *e, Stmt *r, Index *ir, Stmt *s, Index *is)
{
    const AccessList p = stmt_accesses(r), q = stmt_accesses(s);
    return !FIND_AT(a, p,
                    FIND_AT(b, q,
                            conflict(e, a, b) && !may_pass(a, b) && !meet_alike(e, a, ir, b, is)));
}

static bool tree_agrees(Emit *e, Node *loop, Index *outer, Stmt *s, Index *is)
{
    return !FIND(n, loop->body, n->kind == NODE_loop ? !tree_agrees(e, n, outer, s, is)
                                                     : !points_agree(e, n->stmt, outer, s, is));
}

/* A sum is told from its neighbours: its innermost loop, when that reduces, is its own. */
static bool is_private(Node *loop, Stmt *s, int level)
{
    return (level == s->nouter - 1 && s->set != SET_is && reduces(s, s->index[level]))
        || FIND(n, loop->body, n->kind == NODE_point && reduces(n->stmt, loop->index));
}

static Node *node_new(NodeKind kind, Stmt *s)
{
    Node *n = NEW(Node);
    n->kind = kind;
    n->stmt = s;
    return n;
}

/* The loops of s from a level on, around its point. */
static Node *chain(Emit *e, Stmt *s, int level)
{
    if (level >= s->nouter)
        return node_new(NODE_point, s);
    Node *loop = node_new(NODE_loop, NULL);
    loop->index = s->index[level];
    loop->tile = index_info(e, loop->index)->tile;
    PUSH(loop->body, chain(e, s, level + 1));
    return loop;
}

/* Only numbers set so far: the names of its indices say nothing yet. */
static bool only_fills(Node *n)
{
    if (n->kind == NODE_point)
        return n->stmt->set == SET_is && n->stmt->value->kind == EXPR_num;
    return !FIND(inner, n->body, !only_fills(inner));
}

static bool has_search(Node *n)
{
    return (n->kind == NODE_point && n->stmt->set == SET_search)
        || FIND(inner, n->body, has_search(inner));
}

/* All that an example draws comes before the sums that need it, so that what they
 * read can be on its way. */
static bool draws_first(Node *loop, Stmt *s, int level)
{
    return level > 0 && s->set != SET_is && s->set != SET_search && has_search(loop);
}

/* Whether s may go on inside of this loop with its index of that level. */
static bool may_share(Emit *e, Node *loop, Stmt *s, int level)
{
    return loop && loop->kind == NODE_loop && level < s->nouter
        && same_range(loop->index, s->index[level])
        && loop->tile == index_info(e, s->index[level])->tile && !is_private(loop, s, level)
        && !draws_first(loop, s, level) && tree_agrees(e, loop, loop->index, s, s->index[level]);
}

static void share(Node *loop, Stmt *s, int level)
{
    Index *mine = s->index[level];
    Expr *to = expr_index(loop->index);
    stmt_replace(s, &mine, &to, 1);
    s->index[level] = loop->index;
}

static Node *last_of(NodeList *list)
{
    return list->n ? list->at[list->n - 1] : NULL;
}

/* most: no more levels than these. */
static void insert(Emit *e, NodeList *list, Stmt *s, int level, int most)
{
    Node *last = last_of(list);
    if (level >= most || !may_share(e, last, s, level)) {
        PUSH(*list, chain(e, s, level));
        return;
    }
    if (only_fills(last))
        last->index->name = s->index[level]->name;
    share(last, s, level);
    insert(e, &last->body, s, level + 1, most);
}

static Stmt *trial_of(Emit *e, Stmt *s)
{
    Stmt *trial = stmt_copy(e, s);
    for (int k = 0; k < s->nindex; k++)
        index_info(e, trial->index[k])->tile = index_info(e, s->index[k])->tile;
    return trial;
}

/* How many loops of what ends the list s would go into; *at is what ends the innermost of them. */
static int shared_levels(Emit *e, NodeList *list, Stmt *s, Node **at)
{
    Stmt *trial = trial_of(e, s);
    int level = 0;
    for (*at = last_of(list); may_share(e, *at, trial, level); *at = last_of(&(*at)->body))
        share(*at, trial, level++);
    return level;
}

static Index *tile_among(Emit *e, Stmt *s)
{
    const int at = FIRST(k, s->nindex, index_info(e, s->index[k])->tile);
    return at < 0 ? NULL : s->index[at];
}

/* A fill stands no further inside than the sum that follows it. */
static int most_levels(Emit *e, NodeList *list, Stmt *s, Stmt *next)
{
    Node *at;
    if (s->set != SET_is || !next || next->kind != STMT_nest || next->target != s->target
        || next->set == SET_is)
        return MAX_RANK * 2;
    if (gemm_find(e, next, tile_among(e, next)))
        return 0;                       /* the product does it */
    return shared_levels(e, list, next, &at);
}

/* Goes into the innermost loop of a nest, if it can, beside points like itself. */
bool fuse_whole(Emit *e, Node *into, Stmt *s)
{
    if (s->kind != STMT_nest || s->set != SET_is || s->nouter == 0)
        return false;
    NodeList list = { 0 };
    Node *at;
    PUSH(list, into);
    if (shared_levels(e, &list, s, &at) < s->nouter || !at || at->kind != NODE_point)
        return false;
    insert(e, &list, s, 0, s->nouter);
    return true;
}

/* The fill that a matrix product may make needless; NULL. */
static Stmt *fill_of(Node *fill, Stmt *s)
{
    while (fill->kind == NODE_loop && fill->body.n == 1)
        fill = fill->body.at[0];
    Stmt *a = fill->kind == NODE_point ? fill->stmt : NULL;
    if (!a || a->target != s->target || a->set != SET_is || !everywhere(a))
        return NULL;
    const bool same = ALL(k, s->target->rank, a->sub[k]->index && s->sub[k]->index
                          ? same_range(a->sub[k]->index, s->sub[k]->index)
                          : expr_same(a->sub[k], s->sub[k]));
    return same ? a : NULL;
}

/* A node for s at the end of the list, sharing what it may; tile: its index between
 * lo and hi, or NULL. */
void fuse_into(Emit *e, NodeList *list, Stmt *s, Stmt *next, Index *tile)
{
    Gemm *g = gemm_find(e, s, tile);
    if (g && (!tile || gemm_tiles(g, tile))) {
        Node *n = node_new(NODE_gemm, s);
        n->gemm = g;
        n->index = tile;
        Stmt *fill = list->n ? fill_of(last_of(list), s) : NULL;
        if (fill && gemm_clear(e, g, s, fill))
            list->n--;
        PUSH(*list, n);
    } else if (s->kind == STMT_nest) {
        insert(e, list, s, 0, most_levels(e, list, s, next));
    } else {
        Node *n = node_new(s->kind == STMT_scan ? NODE_scan : NODE_call, s);
        n->index = s->step;
        n->body = fuse(e, &s->body);
        PUSH(*list, n);
    }
}

/* Sets all of a tensor to a number: it goes as far up as it may, out of the way of
 * what could share loops. */
static bool is_clear(Stmt *s)
{
    return s->set == SET_is && s->value->kind == EXPR_num && everywhere(s) && s->nindex > 0
        && ALL(k, s->nindex, !s->index[k]->limit);
}

static bool tree_depends(Emit *e, Node *n, Stmt *s)
{
    if (n->kind == NODE_loop)
        return FIND(inner, n->body, tree_depends(e, inner, s));
    return depends(e, n->stmt, s);
}

static void put_first(Emit *e, NodeList *list, Stmt *s)
{
    Node *last = list->at[--list->n];
    INSERT_BEFORE(*list, last, other, !tree_depends(e, other, s));
}

/* ---- all of a list -------------------------------------------------------------------------- */
bool is_alias(Emit *e, Stmt *s)
{
    return s->kind == STMT_reshape && (var_of(e, s->target)->alias == var_of(e, s->source));
}

NodeList fuse(Emit *e, const StmtList *list)
{
    NodeList out = { 0 };
    for (int k = 0; k < list->n; k++) {
        Stmt *s = list->at[k];
        const int had = out.n;
        if (is_alias(e, s))
            continue;
        fuse_into(e, &out, s, k + 1 < list->n ? list->at[k + 1] : NULL, tile_among(e, s));
        if (!e->how.fast && out.n > had && s->kind == STMT_nest && is_clear(s))
            put_first(e, &out, s);
    }
    return out;
}
