/* unit_stub.c -- the symbols of main.c and of a model that unit tests do not use. */
#include "runtime.h"
const AeModel ae_model = { .name = "unit" };
const Command commands[1];
const int ncommands = 0;
