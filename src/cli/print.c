#include "cli/print.h"

enum { PRINT_MAX_BYTES = 256 << 20 };

static int print(FILE *out, const json_t *value, bool pretty, struct error *err)
{
    struct bytes text;
    bytes_init(&text, PRINT_MAX_BYTES);
    int rc = pretty ? json_write_pretty(value, &text, err) : json_write(value, &text, err);
    if (rc == 0 && !pretty) rc = bytes_add_text(&text, "\n", err);
    if (rc == 0) fwrite(text.data, 1, text.size, out);
    bytes_close(&text);
    return rc;
}

int print_json(FILE *out, const json_t *value, struct error *err) { return print(out, value, true, err); }
int print_json_line(FILE *out, const json_t *value, struct error *err) { return print(out, value, false, err); }

const char *field_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

double field_number(const json_t *object, const char *key, double missing)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : missing;
}

int64_t field_int(const json_t *object, const char *key, int64_t missing)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : missing;
}
