#include "base/tensor.h"

#include <string.h>

static const struct dtype_row {
    const char *name;
    size_t size;
} dtypes[TENSOR_DTYPES] = {
    [TENSOR_U8] = {"U8", 1},   [TENSOR_I32] = {"I32", 4}, [TENSOR_U32] = {"U32", 4}, [TENSOR_F32] = {"F32", 4},   [TENSOR_I64] = {"I64", 8},
    [TENSOR_U64] = {"U64", 8}, [TENSOR_F64] = {"F64", 8}, [TENSOR_F16] = {"F16", 2}, [TENSOR_BF16] = {"BF16", 2},
};

size_t tensor_dtype_size(enum tensor_dtype dtype) { return (unsigned)dtype < TENSOR_DTYPES ? dtypes[dtype].size : 0; }

const char *tensor_dtype_name(enum tensor_dtype dtype) { return (unsigned)dtype < TENSOR_DTYPES ? dtypes[dtype].name : "unknown"; }

bool tensor_dtype_parse(const char *name, enum tensor_dtype *out)
{
    for (int dtype = 0; dtype < TENSOR_DTYPES; dtype++)
        if (strcmp(dtypes[dtype].name, name) == 0) {
            *out = (enum tensor_dtype)dtype;
            return true;
        }
    return false;
}
