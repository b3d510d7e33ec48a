/* Faults: every mistake in a specification, collected instead of stopping at the first (RFC 9457 extension `errors`). */
#ifndef TRAINYARD_BASE_FAULTS_H
#define TRAINYARD_BASE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { FAULTS_MAX = 64 }; /* more are counted, not kept */

struct fault {
    char pointer[128]; /* JSON pointer of the field: "/optimizer/lr" */
    char detail[512];  /* value, reason, valid choices: "must be > 0, got -1" */
};

struct faults {
    size_t count; /* all that were found; the first FAULTS_MAX are in list */
    struct fault list[FAULTS_MAX];
};

void faults_add(struct faults *faults, const char *pointer, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* faults_error: 0 when there is none, else ERROR_INVALID whose message joins them ("/optimizer/lr must be > 0, got -1; ..."). */
int faults_error(const struct faults *faults, struct error *err);

#endif
