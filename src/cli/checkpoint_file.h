/* What the checkpoint commands share: a checkpoint as one whole file, whether it is one or a delta, and its numbers as doubles. */
#ifndef TRAINYARD_CLI_CHECKPOINT_FILE_H
#define TRAINYARD_CLI_CHECKPOINT_FILE_H

#include "contract/chain.h"
#include "contract/spec.h"
#include "engine/core/params.h"

enum { VALUES_BLOCK = 1 << 14 };

struct checkpoint_file {
    char path[PATH_SIZE];
    struct chain chain;
    struct tensor_file file;
};
/* checkpoint_file_open: of a file, or of a run directory its final or newest one. */
int checkpoint_file_open(struct checkpoint_file *f, const char *operand, struct error *err);
void checkpoint_file_close(struct checkpoint_file *f); /* safe on a zeroed struct, and twice */

/* checkpoint_file_link: path of file `index` of the chain. */
int checkpoint_file_link(const struct checkpoint_file *f, size_t index, char out[PATH_SIZE], struct error *err);

bool tensor_is_float(const struct tensor *t);
uint64_t tensor_count(const struct tensor *t);                            /* elements */
const char *tensor_shape(char *buf, size_t size, const struct tensor *t); /* "12 x 8" */

/* tensor_values: elements from `at` on as doubles, at most VALUES_BLOCK; exact but for integers beyond 2^53. */
int tensor_values(const struct tensor_file *file, const struct tensor *t, uint64_t at, size_t count, double *out, struct error *err);

/* The model that the file's recipe describes: which tensors it has, weights and states. */
struct checkpoint_model {
    struct spec recipe;
    const char *kind;
    struct param_desc descs[TENSORS_MAX];
    size_t count;
    struct param_states states[GROUPS];
    bool has_states; /* a training's own checkpoint; not the average of several, nor weights alone */
};
/* checkpoint_model_read: ERROR_DATA: the file has no recipe, or one of kinds that this program does not know. */
int checkpoint_model_read(struct checkpoint_model *m, const struct checkpoint_file *f, struct error *err);
void checkpoint_model_close(struct checkpoint_model *m);

/* checkpoint_model_check: has the file each tensor of the model, of its shape, with ascending slots and finite values? *live: its slots. */
int checkpoint_model_check(const struct checkpoint_model *m, const struct checkpoint_file *f, uint64_t *live, struct error *err);

#endif
