# make         builds build/aec
# make demo    installs what is missing, builds, trains the quickstart and draws pictures (DEPS=no: installs nothing)
# make check   the quick tests; make check-all the longer ones
# make bench   how fast, beside PyTorch, JAX, ONNX Runtime and gensim, which `make peers` installs into bench/venv
# make data    brings MNIST and Fashion-MNIST into place
# make results trains the long runs one after another and writes docs/results.md (RUNS="a b": these alone)
CC       = gcc
CFLAGS   = -std=gnu11 -O2 -g -Wall -Wextra -Wpedantic
B        = build
COMPILER = $(patsubst compiler/%.c,$(B)/%.o,$(filter-out compiler/embed.c,$(wildcard compiler/*.c)))
GRAMMAR  = $(B)/ae.tab.o $(B)/ae.lex.o
CARRIED  = $(wildcard prelude/*.ae) $(wildcard runtime/*.h runtime/*.c runtime/*.def) $(wildcard examples/templates/*.ae) \
           docs/errors.md docs/reference.md docs/reference.head.html

all: $(B)/aec $(B)/warm

$(B)/aec: $(COMPILER) $(GRAMMAR) $(B)/embedded.o
	$(CC) $(LDFLAGS) -o $@ $^ -lm

# The runtime goes into the cache, so that the first model is compiled in a moment. Without libpng it stays away.
$(B)/warm: $(wildcard runtime/*) compiler/toolchain.c | $(B)/aec
	@$(B)/aec build examples/quickstart.ae -o $@ 2> /dev/null || true

$(B)/%.o: compiler/%.c $(B)/ae.tab.h | $(B)
	$(CC) $(CFLAGS) -MMD -Icompiler -I$(B) -c -o $@ $<

$(B)/ae.tab.c $(B)/ae.tab.h &: grammar/ae.y | $(B)
	bison --defines=$(B)/ae.tab.h -o $(B)/ae.tab.c $<

$(B)/ae.lex.c: grammar/ae.l $(B)/ae.tab.h | $(B)
	flex -o $@ $<

$(B)/ae.tab.o $(B)/ae.lex.o: $(B)/%.o: $(B)/%.c
	$(CC) $(CFLAGS) -MMD -Icompiler -I$(B) -c -o $@ $<

$(B)/embedded.c: $(B)/embed $(CARRIED)
	$(B)/embed $(CARRIED) > $@.part && mv $@.part $@

$(B)/embedded.o: $(B)/embedded.c
	$(CC) $(CFLAGS) -Icompiler -c -o $@ $<

$(B)/embed: compiler/embed.c | $(B)
	$(CC) $(CFLAGS) -o $@ $<

$(B):
	mkdir -p $(B)

clean:
	rm -rf $(B)

.PHONY: all clean
-include $(wildcard $(B)/*.d)
compiler/%.h: ;         # one that is gone since the .d was written stops nothing
compiler/%.def: ;

# ---- what people run ----------------------------------------------------------------------------------
deps:
	@tests/deps.sh

demo: deps
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j2) all
	@tests/demo.sh $(B)/aec

check: deps
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j2) all
	@tests/check.sh quick

check-all: deps
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j2) all
	@tests/check.sh all

data:
	@tests/data.sh

results: deps
	@$(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j2) all
	@tests/results/run.sh $(B)/aec $(B) $(RUNS)

# BENCH="--only mlp_ae --threads 1": a part of it
bench: $(B)/aec bench/venv/ready
	bench/venv/bin/python bench/run.py $(BENCH)

peers: bench/venv/ready
bench/venv/ready: bench/requirements.txt
	python3 -m venv bench/venv
	bench/venv/bin/pip install -r bench/requirements.txt
	touch $@

.PHONY: deps demo check check-all data results bench peers
