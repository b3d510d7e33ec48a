/* No compression: the exchange hands over ids and floats as they lie in memory. In one process this is the fastest codec, since sharing memory
 * costs nothing that compression could save; it is the default for that reason. */
#include "engine/compress/codec.h"

static double none_delta(const void *params, const struct codec_call *call, const struct grad_rows *a)
{
    return (void)params, (void)call, (void)a, 1;
}

const struct codec codec_none = {.kind = {"none", "rows as they are: 4 bytes an id, 4 a value", "", 0, NULL}, .delta = none_delta};
