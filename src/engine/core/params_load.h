/* Parameters from a checkpoint: the one reader of `slots` and of the tensors that belong to them, for a resume and for scoring alike. The file is
 * hostile until each shape, the order of the slots and every value has been checked. */
#ifndef TRAINYARD_ENGINE_CORE_PARAMS_LOAD_H
#define TRAINYARD_ENGINE_CORE_PARAMS_LOAD_H

#include "base/tensor.h"
#include "engine/core/params.h"

/* params_load: everything in p (initialised, of the file's model) is replaced by what the file holds: live rows, weights, and a tensor
 * has states those, named "<tensor>.<state>". ERROR_DATA names file and tensor; p is then half loaded, and loading again is fine. */
int params_load(struct params *p, const struct tensor_file *file, struct error *err);

/* params_load_some: live rows, and of weights and states those that are wished for; the others are as they were before the first step. NULL: all.
 * Transforms, admission and vocabulary stay as they are. */
struct params_wish {
    bool take[TENSORS_MAX][1 + STATES_MAX]; /* weights, then states */
};
int params_load_some(struct params *p, const struct tensor_file *file, const struct params_wish *wish, struct error *err);

/* params_load_vocabulary: the vocabulary is the file's, and whoever lives in p, as of the same file, is in it. ERROR_DATA. */
int params_load_vocabulary(struct params *p, const struct tensor_file *file, struct error *err);

/* tensor_want: a tensor that must be there with that type and shape (width 0: one dimension). ERROR_DATA. */
int tensor_want(const struct tensor_file *file, const char *name, enum tensor_dtype dtype, uint64_t rows, uint64_t width, const struct tensor **out,
                struct error *err);

#endif
