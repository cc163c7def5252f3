/* ae.y -- the grammar of .ae files.
 *
 * Takes the tokens as tokens.c has settled them and leaves the tree of syntax.h: first how its
 * nodes are made, then the rules, then what is said of a mistake. A mistake is reported once, in
 * the user's words; then the rest of its statement is passed over and reading goes on. */
%define api.pure full
%define api.location.type {Place}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {Reader *r}

%code requires {
#include "syntax.h"
#include "tokens.h"

typedef struct Reader {
    Tokens tokens;
    File *file;
    int at;                     /* the next token to hand out */
    bool gave_end;              /* the NL before it has been handed out */
    bool library;
    bool said_deep;
} Reader;

typedef struct { ArgList list; Syn *where; } Args;
typedef struct { SynList list; Syn *other; Place other_place; } Subs;    /* [list else other] */
}

%union {
    Token *token;
    Syn *syn;
    SynList syns;
    Subs subs;
    Arg arg;
    Args args;
    ArgList list;
    Entry entry;
    EntryList entries;
    NameList names;
    SettingList settings;
    LineList lines;
    Call *call;
    Stat *stat;
    StatList stats;
}

%token NL "the end of the line"
%token BAD "a slip"
%token <token> NAME "a name" LAYER "a layer name" KEY "a setting" NUM "a number"
               STRING "a text in quotes"
%token <token> DOTS ".." UPDATE ":=" ADD "+=" EQ "==" NE "!=" LE "<=" GE ">=" ARROW "->"
%token <token> '+' '-' '*' '/' '%' '^' '?' ':' '<' '>' '=' '(' ')' '[' ']' '{' '}' ',' '.' '~'
%token <token> WHERE "where" ELSE "else" AND "and" OR "or" NOT "not" EXEMPT "exempt" GRAD "grad"
               UNTIL "until"
%token <token> AS "as" AS_IN "as " BY "by" DOWN "down" OF "of"
%token <token> AE "ae" MODEL "model" SET "set" USE "use" INPUT "input" DATA "data"
               ENCODER "encoder"
%token <token> DECODER "decoder" NET "net" BOTTLENECK "bottleneck" RECONSTRUCT "reconstruct"
               CORRUPT "corrupt"
%token <token> REGULARIZE "regularize" TRAIN "train" TASK "pretext"
%token <token> DEFINE "layer" DEF "def"
%token <token> ENTRY "in" REQUIRE "require" MIRROR "mirror" TIED "tied" SCAN "scan"
               SWEEP "sweep" ROLE "sample"
%token <token> LET "let" PREDICT "predict" MINIMIZE "minimize"

%type <syn> value range expr target
%type <syn> optional_of optional_init optional_else optional_bound optional_slope optional_until
%type <syns> values
%type <subs> subs
%type <arg> arg
%type <list> some_args
%type <args> args optional_args
%type <token> by assign_sign optional_name optional_as optional_exempt optional_down
              optional_role optional_text optional_term
%type <entry> entry formal
%type <entries> entries formals some_formals
%type <names> names
%type <settings> settings setting_items
%type <lines> lines line_items
%type <call> layer layers block
%type <stat> stat
%type <stats> file stats stat_items

/* From loose to tight. A reduction takes the product to its right; a block belongs
   to the call before it. */
%right '?' ':'
%left OR
%left AND
%precedence NOT
%left '<' '>' LE GE EQ NE
%left '+' '-'
%precedence REDUCTION
%left '*' '/' '%'
%precedence SIGN
%right '^'
%precedence CALL
%precedence '{'

%code {
#define YYMAXDEPTH 100000
#define YYLLOC_DEFAULT(Cur, Rhs, N) \
    ((Cur) = (N) ? place_join(YYRHSLOC(Rhs, 1), YYRHSLOC(Rhs, N)) : place_after(YYRHSLOC(Rhs, 0)))
enum { DEEP = 1000, NESTED = 200 };     /* levels of a tree; brackets within brackets */

static int yylex(YYSTYPE *value, Place *place, Reader *r);
static void yyerror(Place *place, Reader *r, const char *text);

static Place place_after(Place p)
{
    return (Place) { p.source, p.end_line, p.end_col, p.end_line, p.end_col };
}

static Str name_of(const Token *t)
{
    return t ? t->name : NULL;
}

/* ---- expressions ---------------------------------------------------------------------------- */
static Syn *new_syn(SynKind kind, Str name, Place place)
{
    return COPY(&((Syn) { .kind = kind, .name = name, .place = place, .depth = 1 }));
}

static void say_deep(Reader *r, Place place)
{
    if (!r->said_deep)
        report(place, DIAG_too_deep);
    r->said_deep = true;
}

/* Takes account of a new part; what grows too deep is cut off, so that later stages may recur. */
static void hold(Reader *r, Syn *e, Syn *part)
{
    if (!part)
        return;
    if (part->depth >= e->depth)
        e->depth = part->depth + 1;
    if (e->depth <= DEEP)
        return;
    const Place at = e->place;
    say_deep(r, (Place) { at.source, at.line, at.col, at.line, at.col + 1 });
    *part = (Syn) { .kind = SYN_num, .place = part->place, .depth = 1 };
    e->depth = 2;
}

static void hold_all(Reader *r, Syn *e, SynList parts)
{
    EACH(part, parts)
        hold(r, e, part);
}

static Syn *join(Reader *r, SynKind kind, Syn *a, Syn *b, Place place)
{
    Syn *e = new_syn(kind, NULL, place);
    hold(r, e, e->a = a);
    hold(r, e, e->b = b);
    return e;
}

static Syn *binary(Reader *r, Syn *a, Token *op, Syn *b)
{
    Syn *e = join(r, SYN_binary, a, b, place_join(a->place, b->place));
    e->op = op->name;
    return e;
}

static Syn *compare(Reader *r, Syn *a, Token *op, Syn *b)
{
    if (a->kind == SYN_binary && strpbrk(a->op, "<>="))
        report(op->place, DIAG_chained);
    return binary(r, a, op, b);
}

static Syn *unary(Reader *r, Token *op, Syn *a, Place place)
{
    Syn *e = join(r, SYN_unary, a, NULL, place);
    e->op = op->name;
    return e;
}

static Syn *condition(Reader *r, Syn *c, Syn *a, Syn *b)
{
    Syn *e = join(r, SYN_cond, a, b, place_join(c->place, b->place));
    hold(r, e, e->c = c);
    return e;
}

static void check_args(Args args)
{
    if (args.where)
        report(args.where->place, DIAG_where_alone);
    for (int k = 1; k < args.list.n; k++)
        if (!args.list.at[k].name && args.list.at[k - 1].name) {
            report(args.list.at[k].place, DIAG_late_argument, args.list.at[k - 1].name);
            return;
        }
}

static Syn *call(Reader *r, Token *name, Args args, Place place)
{
    Syn *e = new_syn(SYN_call, name->name, place);
    e->args = args.list;
    check_args(args);
    for (int k = 0; k < args.list.n; k++)
        hold(r, e, args.list.at[k].value);
    return e;
}

static Syn *subscripted(Reader *r, Syn *e, Subs subs, Place place)
{
    e->place = place;
    e->list = subs.list;
    hold(r, e, e->a = subs.other);
    hold_all(r, e, subs.list);
    return e;
}

static bool is_index(const Arg *arg)
{
    const Syn *e = arg->value;
    return !arg->name && (e->kind == SYN_name || e->kind == SYN_dots
                          || (e->kind == SYN_binary && *e->op == '<' && e->a->kind == SYN_name));
}

static Syn *reduction(Reader *r, Token *name, Args args, Syn *body, Place place)
{
    Syn *e = join(r, SYN_reduce, args.where, body, place);
    e->name = name->name;
    for (int k = 0; k < args.list.n; k++) {
        if (!is_index(&args.list.at[k])) {
            report(args.list.at[k].place, DIAG_no_index, name->name,
                   "a call before a value is a reduction, `sum(i) x[i]`; if a product was meant, "
                   "write `*` between them");
            return e;
        }
        PUSH(e->list, args.list.at[k].value);
    }
    hold_all(r, e, e->list);
    if (!args.list.n)
        report(name->place, DIAG_no_index, name->name,
               "write the index to reduce over, as in `sum(i) x[i]`, or an operator between the "
               "two");
    return e;
}

/* ---- layers --------------------------------------------------------------------------------- */
static Call *layer(Token *name, Args args, Place place)
{
    return COPY(&((Call) { .name = name->name, .args = args.list, .place = place }));
}

/* The braces after a call hold layers, or several blocks. */
static void give_blocks(Call *c, Call *gathered)
{
    c->braced = true;
    Block *loose = gathered->blocks.at[0];
    if (gathered->blocks.n == 1) {
        PUSH(c->blocks, loose);
        return;
    }
    if (loose->n)
        report(loose->at[0]->place, DIAG_mixed_block, c->name, c->name, loose->at[0]->name);
    for (int k = 1; k < gathered->blocks.n; k++)
        PUSH(c->blocks, gathered->blocks.at[k]);
}

static Block *take_layers(Call *gathered)
{
    if (gathered->blocks.n > 1)
        report(gathered->place, DIAG_loose_block);
    return gathered->blocks.at[0];
}

/* ---- statements ----------------------------------------------------------------------------- */
static Stat *begin(Token *word, Token *name, Place place)
{
    Stat *s = COPY(&((Stat) { .role = word->name, .doc = word->doc, .place = place }));
    s->kind = (StatKind) keywords[word->word].value;
    s->name = name_of(name);
    if (name)
        s->name_place = name->place;
    return s;
}

static Stat *with_value(Stat *s, Token *op, Syn *value)
{
    s->op = name_of(op);
    s->value = value;
    return s;
}

static Stat *network(Token *word, Token *name, Call *gathered, Place place)
{
    Stat *s = begin(word, name, place);
    s->block = take_layers(gathered);
    s->braced = true;
    return s;
}

static Stat *definition(Token *word, Token *name, ArgList args, Place place)
{
    Stat *s = begin(word, name, place);
    s->kind = DECL_define;
    for (int k = 0; k < args.n; k++) {
        const Arg *a = &args.at[k];
        if (a->name || a->value->kind == SYN_name)
            PUSH(s->params, ((Entry) {
                .name = a->name ? a->name : a->value->name, .place = a->place, .scalar = true,
                .init = a->name ? a->value : NULL,
            }));
        else
            report(a->place, DIAG_no_parameter, name->name);
    }
    return s;
}

static Stat *braced(Stat *s, StatList body)
{
    s->body = body;
    s->braced = true;
    return s;
}

/* In a library a task with a body is a definition; in a model it is used where it stands. */
static Stat *task(Reader *r, Token *word, Token *name, Args args, StatList body, Place place)
{
    if (r->library)
        return braced(definition(word, name, args.list, place), body);
    Stat *s = begin(word, name, place);
    s->args = args.list;
    return braced(s, body);
}

static Stat *assign(Token *role, Syn *left, Token *op, Syn *value, Place place)
{
    Stat *s = COPY(&((Stat) { .kind = STAT_assign, .place = place, .left = left }));
    s->role = name_of(role);
    return with_value(s, op, value);
}

static Stat *sweep(Token *word, Args args, StatList body, Place place)
{
    static const char *const times[] = { "start", "epoch", "step" };
    Stat *s = begin(word, NULL, place);
    const Arg *a = args.list.n == 1 && !args.where ? &args.list.at[0] : NULL;
    s->body = body;
    s->name = intern("epoch");
    if (a && a->name == intern("every") && a->value->kind == SYN_name)
        for (int k = 0; k < 3; k++)
            if (a->value->name == intern(times[k])) {
                s->name = a->value->name;
                return s;
            }
    report(place, DIAG_bad_sweep);
    return s;
}

static Entry entry(Token *name, Syn *init)
{
    return (Entry) { .name = name->name, .place = name->place, .scalar = true, .init = init };
}

static SynList shape(Subs subs)
{
    if (subs.other)
        report(subs.other_place, DIAG_else_in_shape);
    return subs.list;
}

static Entry tensor_entry(Token *name, Subs subs, Syn *init, Place place)
{
    return (Entry) { .name = name->name, .place = place, .shape = shape(subs), .init = init };
}

/* `of k`: whole numbers; `of 0..1`: what is meant to be given. */
static Entry of_values(Entry e, Syn *of)
{
    *(of && of->kind == SYN_pair ? &e.within : &e.of) = of;
    return e;
}

static Stat *function(Token *word, Token *name, EntryList params, Token *operand, Syn *body,
                      Syn *slope, Place place)
{
    Stat *s = begin(word, name, place);
    s->function = COPY(&((Function) { name->name, params, name_of(operand), body, slope, place }));
    s->name_place = place;
    return s;
}
}

%%

file:
    stat_items                      { r->file->decls = $1; }
;

/* ---- statements: of a file, of a definition, of a task -------------------------------------- */
stat_items:
    %empty                          { $$ = (StatList) { 0 }; yyerrok; }
|   stat_items NL
|   stat_items stat NL              { $$ = $1; PUSH($$, $2); }
|   stat_items error NL             { $$ = $1; yyerrok; }
|   stat_items DEFINE error NL      { $$ = $1; yyerrok; }
    /* a slip in the head; what stands in the braces is read all the same */
|   stat_items DEFINE error stats NL
|   stat_items TASK error NL        { $$ = $1; yyerrok; }
|   stat_items TASK error stats NL
;
stats:
    '{' stat_items '}'              { $$ = $2; }
;
stat:
    AE value                        { $$ = with_value(begin($1, NULL, @$), NULL, $2); }
|   MODEL NAME                      { $$ = begin($1, $2, @$); }
|   SET NAME '=' value              { $$ = with_value(begin($1, $2, @$), $3, $4); }
|   USE STRING                      { $$ = begin($1, $2, @$); }
|   INPUT NAME ':' value            { $$ = with_value(begin($1, $2, @$), $3, $4); }
|   DATA settings                   { $$ = begin($1, NULL, @1); $$->settings = $2;
                                      $$->braced = true; }
|   TRAIN optional_name settings    { $$ = begin($1, $2, place_join(@1, @2)); $$->settings = $3;
                                      $$->braced = true; }
|   REGULARIZE lines                { $$ = begin($1, NULL, @1); $$->lines = $2;
                                      $$->braced = true; }
|   ENCODER block                   { $$ = network($1, NULL, $2, @1); }
|   DECODER block                   { $$ = network($1, NULL, $2, @1); }
|   DECODER MIRROR optional_args    { $$ = begin($1, NULL, @$);
                                      $$->call = layer($2, $3, place_join(@2, @3)); }
|   NET NAME block                  { $$ = network($1, $2, $3, place_join(@1, @2)); }
|   NET NAME '(' NAME ')' block     { $$ = network($1, $2, $6, place_join(@1, @5));
                                      $$->of = $4->name;
                                      if ($$->kind == DECL_net) {
                                          report(@3, DIAG_syntax, "`=` or `{`", "`(`");
                                          report_help("the form is `%s`", keywords[$1->word].form); } }
|   NET NAME '=' value              { $$ = with_value(begin($1, $2, @$), $3, $4); }
|   BOTTLENECK NAME '~' value       { $$ = with_value(begin($1, $2, @$), $3, $4); }
|   BOTTLENECK NAME '=' value       { $$ = with_value(begin($1, $2, @$), $3, $4); }
|   BOTTLENECK NAME '=' block       { $$ = network($1, $2, $4, place_join(@1, @3));
                                      $$->op = $3->name; }
|   RECONSTRUCT NAME by value       { $$ = with_value(begin($1, $2, @$), $3, $4); }
|   CORRUPT NAME block              { $$ = network($1, $2, $3, place_join(@1, @2)); }
|   TASK NAME optional_args         { $$ = begin($1, $2, @$); $$->args = $3.list; }
|   TASK NAME optional_args stats   { $$ = task(r, $1, $2, $3, $4, place_join(@1, @3)); }
|   DEFINE NAME optional_args stats { $$ = definition($1, $2, $3.list, place_join(@1, @3));
                                      braced($$, $4); }
|   DEF NAME '(' formals ')' optional_name '=' expr optional_slope
                                    { $$ = function($1, $2, $4, $6, $8, $9, @$); }
|   ENTRY entries                   { $$ = begin($1, NULL, @$); $$->entries = $2; }
|   REQUIRE expr optional_text optional_term
                                    { $$ = with_value(begin($1, $3, @$), NULL, $2);
                                      $$->of = $4 ? $4->name : NULL; }
|   MIRROR NAME optional_args       { $$ = begin($1, NULL, @$);
                                      $$->call = layer($2, $3, place_join(@2, @3)); }
|   TIED target '=' expr            { $$ = with_value(begin($1, NULL, @$), $3, $4);
                                      $$->left = $2; }
|   SCAN NAME optional_bound optional_down stats optional_until
                                    { $$ = begin($1, $2, place_join(@1, @4)); $$->bound = $3;
                                      $$->down = $4 != NULL;
                                      $$->body = $5; $$->until = $6; }
|   SWEEP '(' args ')' stats        { $$ = sweep($1, $3, $5, place_join(@1, @4)); }
|   SWEEP '(' args ')' stat         { StatList one = { 0 }; PUSH(one, $5);
                                      $$ = sweep($1, $3, one, place_join(@1, @4)); }
|   optional_role target assign_sign expr
                                    { $$ = assign($1, $2, $3, $4, $1 ? @$ : place_join(@2, @4)); }
|   LET names '=' value             { $$ = with_value(begin($1, NULL, @$), $3, $4);
                                      $$->names = $2; }
|   PREDICT target by value optional_as
                                    { $$ = with_value(begin($1, NULL, @$), $3, $4); $$->left = $2;
                                      $$->as = name_of($5); }
|   MINIMIZE value optional_as      { $$ = with_value(begin($1, NULL, @$), NULL, $2);
                                      $$->as = name_of($3); }
;

settings:
    '{' setting_items '}'           { $$ = $2; }
;
setting_items:
    %empty                          { $$ = (SettingList) { 0 }; }
|   setting_items NL
|   setting_items KEY '=' value     { $$ = $1; PUSH($$, ((Setting) { $2->name, $4, @2 })); }
|   setting_items error NL          { $$ = $1; yyerrok; }
;

lines:
    '{' line_items '}'              { $$ = $2; }
;
line_items:
    %empty                          { $$ = (LineList) { 0 }; }
|   line_items NL
|   line_items expr optional_as NL  { $$ = $1;
                                      PUSH($$, ((Line) { $2, name_of($3), place_join(@2, @3) })); }
|   line_items error NL             { $$ = $1; yyerrok; }
;

/* ---- networks: the calls are gathered in a Call that stands for the braces ------------------ */
block:
    '{' layers '}'                  { $$ = $2; }
|   '{' layers error '}'            { $$ = $2; yyerrok; }
;
layers:
    %empty                          { $$ = NEW(Call); PUSH($$->blocks, NEW(Block)); }
|   layers NL
|   layers layer optional_as        { $$ = $1; PUSH(*$$->blocks.at[0], $2); $2->as = name_of($3);
                                      $2->as_place = @3; }
|   layers block                    { $$ = $1; PUSH($$->blocks, take_layers($2)); $$->place = @2; }
|   layers error NL                 { $$ = $1; yyerrok; }
;
layer:
    LAYER optional_args %prec CALL  { $$ = layer($1, $2, @$); }
|   LAYER optional_args block       { $$ = layer($1, $2, place_join(@1, @2));
                                      give_blocks($$, $3); }
;

/* ---- parts of statements -------------------------------------------------------------------- */
entries:
    entry                           { $$ = (EntryList) { 0 }; PUSH($$, $1); }
|   entries ',' entry               { $$ = $1; PUSH($$, $3); }
;
entry:
    NAME optional_of optional_init optional_exempt
                                    { $$ = of_values(entry($1, $3), $2); $$.exempt = $4 != NULL; }
|   NAME '[' subs ']' optional_of optional_init optional_exempt
                                    { $$ = of_values(tensor_entry($1, $3, $6, place_join(@1, @4)), $5);
                                      $$.exempt = $7 != NULL; }
;
formals:
    %empty                          { $$ = (EntryList) { 0 }; }
|   some_formals
;
some_formals:
    formal                          { $$ = (EntryList) { 0 }; PUSH($$, $1); }
|   some_formals ',' formal         { $$ = $1; PUSH($$, $3); }
;
formal:
    NAME optional_init              { $$ = entry($1, $2); }
|   NAME '[' subs ']'               { $$ = tensor_entry($1, $3, NULL, @$); }
;

optional_args:
    %empty                          { $$ = (Args) { 0 }; }
|   '(' args ')'                    { $$ = $2; check_args($2); }
;
optional_name:  %empty { $$ = NULL; }   |   NAME ;
optional_as:    %empty { $$ = NULL; }   |   AS NAME { $$ = $2; } ;
optional_exempt: %empty { $$ = NULL; }  |   EXEMPT ;
optional_down:  %empty { $$ = NULL; }   |   DOWN ;
optional_role:  %empty { $$ = NULL; }   |   ROLE ;
optional_text:  %empty { $$ = NULL; }   |   STRING ;
optional_term:  %empty { $$ = NULL; }   |   OF NAME     { $$ = $2; } ;
optional_of:
    %empty                          { $$ = NULL; }
|   OF expr                         { $$ = $2; }
|   OF expr DOTS expr               { $$ = join(r, SYN_pair, $2, $4, place_join(@2, @4)); }
;
optional_init:  %empty { $$ = NULL; }   |   '=' expr { $$ = $2; } ;
optional_else:  %empty { $$ = NULL; }   |   ELSE expr { $$ = $2; } ;
optional_bound: %empty { $$ = NULL; }   |   '<' expr { $$ = $2; } ;
optional_slope: %empty { $$ = NULL; }   |   GRAD expr { $$ = $2; } ;
optional_until: %empty { $$ = NULL; }   |   UNTIL expr { $$ = $2; } ;
assign_sign:    '=' | ADD | UPDATE ;
by:             '~' | BY ;
names:
    NAME                            { $$ = (NameList) { 0 }; PUSH($$, $1->name); }
|   names ',' NAME                  { $$ = $1; PUSH($$, $3->name); }
;

/* ---- values: what a setting or an argument may be ------------------------------------------- */
value:
    range
|   STRING                          { $$ = new_syn(SYN_string, $1->name, @$); }
|   '[' ']'                         { $$ = new_syn(SYN_list, NULL, @$); }
|   '[' values ']'                  { $$ = new_syn(SYN_list, NULL, @$); $$->list = $2;
                                      hold_all(r, $$, $2); }
|   DOTS                            { $$ = new_syn(SYN_dots, NULL, @$); }
;
range:
    expr
|   expr DOTS expr                  { $$ = join(r, SYN_pair, $1, $3, @$); }
|   DOTS expr                       { $$ = join(r, SYN_pair, NULL, $2, @$); }
|   expr ARROW expr                 { $$ = join(r, SYN_arrow, $1, $3, @$); }
;
values:
    value                           { $$ = (SynList) { 0 }; PUSH($$, $1); }
|   values ',' value                { $$ = $1; PUSH($$, $3); }
;
args:
    %empty                          { $$ = (Args) { 0 }; }
|   some_args                       { $$ = (Args) { $1, NULL }; }
|   some_args WHERE expr            { $$ = (Args) { $1, $3 }; }
;
some_args:
    arg                             { $$ = (ArgList) { 0 }; PUSH($$, $1); }
|   some_args ',' arg               { $$ = $1; PUSH($$, $3); }
;
arg:
    value                           { $$ = (Arg) { NULL, $1, @$ }; }
|   NAME '=' value                  { $$ = (Arg) { $1->name, $3, @1 }; }
;
subs:
    values optional_else            { $$ = (Subs) { $1, $2, @2 }; }
;

/* ---- expressions ---------------------------------------------------------------------------- */
expr:
    NUM                             { $$ = new_syn(SYN_num, NULL, @$); $$->num = $1->num; }
|   NAME                            { $$ = new_syn(SYN_name, $1->name, @$); }
|   NAME '.' NAME                   { $$ = new_syn(SYN_attr, $1->name, @$); $$->field = $3->name; }
|   NAME '[' subs ']'               { $$ = new_syn(SYN_ref, $1->name, @$);
                                      $$ = subscripted(r, $$, $3, @$); }
|   NAME '(' args ')' %prec CALL    { $$ = call(r, $1, $3, @$); }
|   NAME '(' args ')' '[' subs ']'  { $$ = subscripted(r, call(r, $1, $3, @$), $6, @$); }
|   NAME '(' args ')' AS_IN NAME    { $$ = call(r, $1, $3, @$); $$->as = $6->name; }
|   NAME '(' args ')' expr %prec REDUCTION  { $$ = reduction(r, $1, $3, $5, @$); }
|   '(' range ')'                   { $$ = join(r, SYN_paren, $2, NULL, @$); }
|   expr '^' expr                   { $$ = binary(r, $1, $2, $3); }
|   '-' expr %prec SIGN             { $$ = unary(r, $1, $2, @$); }
|   expr '*' expr                   { $$ = binary(r, $1, $2, $3); }
|   expr '/' expr                   { $$ = binary(r, $1, $2, $3); }
|   expr '%' expr                   { $$ = binary(r, $1, $2, $3); }
|   expr '+' expr                   { $$ = binary(r, $1, $2, $3); }
|   expr '-' expr                   { $$ = binary(r, $1, $2, $3); }
|   expr '<' expr                   { $$ = compare(r, $1, $2, $3); }
|   expr '>' expr                   { $$ = compare(r, $1, $2, $3); }
|   expr LE expr                    { $$ = compare(r, $1, $2, $3); }
|   expr GE expr                    { $$ = compare(r, $1, $2, $3); }
|   expr EQ expr                    { $$ = compare(r, $1, $2, $3); }
|   expr NE expr                    { $$ = compare(r, $1, $2, $3); }
|   NOT expr                        { $$ = unary(r, $1, $2, @$); }
|   expr AND expr                   { $$ = binary(r, $1, $2, $3); }
|   expr OR expr                    { $$ = binary(r, $1, $2, $3); }
|   expr '?' expr ':' expr          { $$ = condition(r, $1, $3, $5); }
;

target:
    NAME                            { $$ = new_syn(SYN_name, $1->name, @$); }
|   NAME '[' subs ']'               { shape($3); $$ = new_syn(SYN_ref, $1->name, @$);
                                      $$ = subscripted(r, $$, $3, @$); }
|   NAME '(' args ')' '[' subs ']'  { shape($6);
                                      $$ = subscripted(r, call(r, $1, $3, @$), $6, @$); }
;

%%

/* ---- reading and going on after a mistake --------------------------------------------------- */
static int yylex(YYSTYPE *value, Place *place, Reader *r)
{
    Token *t = &r->tokens.words.at[r->at];
    value->token = t;
    if (t->breaks && !r->gave_end) {
        r->gave_end = true;
        *place = place_after(t[-1].place);
        return NL;
    }
    r->gave_end = false;
    *place = t->place;
    if (t->match > r->at && t->depth >= NESTED) {
        say_deep(r, t->place);
        r->at = t->match + 1;
        r->tokens.words.at[t->match].kind = BAD;
        return BAD;
    }
    if (t->kind != YYEOF)
        r->at++;
    return t->kind;
}

/* After a mistake: on to the end of the statement, or of its block, over all brackets between. */
static void pass_statement(Reader *r)
{
    if (r->gave_end)
        return;
    const Token *all = r->tokens.words.at;
    int i = r->at - 1;
    if (all[i].kind == YYEOF || all[i].kind == '}')
        return;
    int head = all[i].head < 0 ? 0 : all[all[i].head].kind;
    /* Its braces are read all the same. */
    bool body = (head == DEFINE || head == TASK) && all[i].head != i;
    if (!(body && all[i].kind == '{'))
        do
            i = all[i].match > i ? all[i].match + 1 : i + 1;
        while (!all[i].breaks && all[i].kind != '}' && all[i].kind != YYEOF
               && !(body && all[i].kind == '{'));
    r->at = i;
}

/* ---- telling what was met and what could stand there ---------------------------------------- */
typedef struct {
    bool may[YYNTOKENS];        /* what could stand here */
    bool line_end;              /* what was met is the end of a line */
    const Token *met, *prev;
} Slip;

static bool may(const Slip *e, int token)
{
    return e->may[YYTRANSLATE(token)];
}

/* What may stand, in the order of how much it tells; four at most are said. */
static Str list_expected(const Slip *e)
{
    const bool statement = may(e, ENTRY), operator = may(e, '*');
    const bool value = may(e, NUM) && !operator && !statement;
    const bool row = may(e, LAYER) || may(e, KEY), bracket = !value && !operator;
    const struct { const char *name; bool may; } all[] = {
        { e->met->depth ? "a statement" : "a declaration", statement },
        { "a value", value },
        { "a name", may(e, NAME) && !operator && !value && !statement },
        { "a layer name", may(e, LAYER) }, { "a setting", may(e, KEY) },
        { "`=`", may(e, '=') }, { "`~`", may(e, '~') }, { "`by`", may(e, BY) },
        { "`{`", may(e, '{') && !may(e, LAYER) }, { "`)`", may(e, ')') }, { "`]`", may(e, ']') },
        { "`}`", may(e, '}') }, { "`,`", may(e, ',') }, { "`:`", may(e, ':') },
        { "a text in quotes", may(e, STRING) && !value },
        { "an operator", operator },
        { "`(`", may(e, '(') && bracket }, { "`[`", may(e, '[') && bracket },
        { "the end of the line", may(e, NL) && !row },
    };
    const char *names[4];
    int n = 0;
    for (size_t k = 0; k < (size_t) COUNT(all) && n < 4; k++)
        if (all[k].may)
            names[n++] = all[k].name;
    Buf b = { 0 };
    for (int k = 0; k < n; k++)
        buf_add(&b, "%s%s", k == 0 ? "" : k == n - 1 ? " or " : ", ", names[k]);
    return intern(n ? b.at : "something else");
}

static Str name_met(const Slip *e)
{
    const Token *t = e->met;
    if (e->line_end && (t->kind == YYEOF || t->first))
        return intern("the end of the line");
    if (t->kind == YYEOF)
        return intern("the end of the file");
    return t->length > 40 ? format("`%.40s...`", t->text) : format("`%.*s`", t->length, t->text);
}

static bool is_operand(const Token *t)
{
    return t->kind == NAME || t->kind == NUM || t->kind == '(';
}

static void help_syntax(Reader *r, const Slip *e)
{
    const Token *met = e->met, *prev = e->prev;
    const Token *head = prev->head >= 0 ? &r->tokens.words.at[prev->head] : NULL;
    const int sign = e->line_end ? NL : met->kind;
    const bool operator = may(e, '*'), operand = !e->line_end && operator && is_operand(met);
    const bool layer = may(e, LAYER), setting = may(e, KEY);
    const bool ends = may(e, NL), assigns = may(e, '=');
    const bool known = head && head->word >= 0, value = may(e, NUM) && !operator && !may(e, ENTRY);
    const struct { bool applies; Str help; } all[] = {      /* the first that applies */
        { sign == ',' && layer, "layers are separated by blanks alone; take the `,` out" },
        { sign == ',' && setting, "settings are separated by blanks alone; take the `,` out" },
        { layer && (sign == ARROW || sign == '+' || sign == ':' || sign == '>'),
          "layers follow one another without a sign: `dense(64) relu`" },
        { sign == EQ && assigns, "write `=`; two of them compare" },
        { layer, "a block is a row of layers: `{ conv(32, kernel = 4) relu }`" },
        { prev->kind == AS || (sign == NAME && met->name == intern("as")),
          "a name follows `as`: `kl(z) as bound`" },
        { operator && may(e, ':'), "a choice has two branches: `c ? a : b`" },
        { operand && begins_statement(prev) && ends,
          format("a statement ends with its line: `%s` begins a line of its own", prev->name) },
        { operand && is_operand(prev) && ends,
          format("write the operator: `%.*s * %.*s`", prev->length, prev->text, met->length,
                 met->text) },
        { operand && ends, "write an operator between the two, `*` for a product" },
        { e->line_end && may(e, '[') && !assigns && !may(e, NAME),
          "a value alone says nothing; give it a name: `y[n, j] = ...`" },
        { operand && may(e, ')'), "write `,` between two arguments, or an operator" },
        { value && prev->length < 3 && prev->kind != '{',
          format("write a value after `%s`, or take the `%s` out", prev->name, prev->name) },
        { known, format("the form is `%s`", known ? keywords[head->word].form : "") },
        { setting, "settings are written `name = value`, a line or several" },
        { assigns && may(e, UPDATE),
          "a statement begins with a word such as `in`, or says what a name is: `y[n, j] = ...`" },
        { true, "statements end with their line; a longer one goes on after an operator or an "
                "open bracket" },
    };
    report_help("%s", all[FIRST(k, COUNT(all), all[k].applies)].help);
}

/* A bracket opened lines above may be why the line does not fit. */
static void note_bracket(Reader *r, const Token *met)
{
    const Token *all = r->tokens.words.at;
    for (const Token *t = met - 1; t >= all && !t->breaks && t->kind != '{' && t->kind != '}'; t--)
        if ((t->kind == '(' || t->kind == '[') && t->match > met - all
            && t->place.line < met->place.line) {
            report_note(t->place, "this bracket is still open");
            return;
        }
}

static void say_slip(Reader *r, const Slip *e, Place place)
{
    const Token *met = e->met;
    const bool name = (may(e, NAME) || may(e, LAYER) || may(e, KEY)) && !may(e, '*');
    if (!e->line_end && name && is_kept_word(met)) {
        report(place, DIAG_kept_word, met->name, met->name);
        return;
    }
    if (!e->line_end && met->kind == '=' && may(e, EQ))
        report(place, DIAG_equals);
    else {
        report(place, DIAG_syntax, list_expected(e), name_met(e));
        help_syntax(r, e);
    }
    note_bracket(r, met);
}

static int yyreport_syntax_error(const yypcontext_t *context, Reader *r)
{
    Slip e = { .line_end = yypcontext_token(context) == YYSYMBOL_NL };
    yysymbol_kind_t kinds[YYNTOKENS];
    for (int n = yypcontext_expected_tokens(context, kinds, YYNTOKENS); n > 0; n--)
        e.may[kinds[n - 1]] = true;
    /* Not counted by r->at. */
    const bool kept_back = e.line_end || yypcontext_token(context) == YYSYMBOL_YYEOF;
    e.met = &r->tokens.words.at[kept_back ? r->at : r->at - 1];
    e.prev = e.met > r->tokens.words.at ? e.met - 1 : e.met;
    Place place = *yypcontext_location(context);
    /* A `}` or a declaration on the same line. */
    if (e.line_end && !e.met->first && e.met->kind != YYEOF)
        place = e.met->place;
    else if (e.line_end)
        place.end_col++;
    const bool said = !e.line_end
        && (e.met->kind == BAD || (e.met->kind == STRING && *e.met->text != '"'));
    if (!said)
        say_slip(r, &e, place);
    pass_statement(r);
    return 0;
}

static void yyerror(Place *place, Reader *r, const char *text)
{
    (void) text;                            /* the one thing that comes here is a full stack */
    say_deep(r, *place);
}

File *parse(const Source *source, bool library)
{
    Reader r = { .tokens = { .source = source }, .file = NEW(File), .library = library };
    r.file->source = source;
    tokens_scan(&r.tokens);
    tokens_arrange(&r.tokens);
    yyparse(&r);
    return r.file;
}
