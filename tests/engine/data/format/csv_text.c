/* csv_fields leaves nothing of what was in the cells before, quoted or not. */
#include <string.h>

#include "engine/data/format/csv.h"
#include "lib/test.h"

static void cells_are_written_whole(void **state)
{
    static const char line[] = "\"a\",b,\"c\"\"d\"";
    struct cell cells[4];
    char scratch[sizeof line];
    const char *why, *where;
    size_t column;
    (void)state;
    memset(cells, 0xff, sizeof cells);
    assert_int_equal(csv_fields(',', true, line, line + sizeof line - 1, cells, 4, scratch, &why, &column, &where), 3);
    static const char *const want[] = {"a", "b", "c\"d"};
    for (size_t i = 0; i < 3; i++) {
        const unsigned char *list = (const unsigned char *)&cells[i].list; /* not as a bool, which it may not be */
        assert_int_equal(*list, 0);
        assert_int_equal(cells[i].size, strlen(want[i]));
        assert_memory_equal(cells[i].text, want[i], cells[i].size);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(cells_are_written_whole)};
TEST_MAIN(tests)
