#include "base/clock.h"
#include "lib/test.h"

#include <string.h>

#include "lib/world_sim.h"

static void time_goes_both_ways(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"}, /* a century that leaps */
        {1764009275123, "2025-11-24T18:34:35.123Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"}, /* one that does not */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[TIME_TEXT_SIZE];
        int64_t ms;
        time_text(rows[i].ms, text);
        assert_string_equal(text, rows[i].text);
        assert_true(time_parse(text, &ms) && ms == rows[i].ms);
    }
    for (int64_t ms = -62167219200000; ms < 253402300800000; ms += 86400000 * INT64_C(37) + 12345677) { /* years 0 to 9999 */
        char text[TIME_TEXT_SIZE];
        int64_t back;
        time_text(ms, text);
        assert_true(time_parse(text, &back) && back == ms);
    }
}

static void time_parse_is_strict(void **state)
{
    (void)state;
    int64_t ms;
    assert_true(time_parse("2026-11-24T18:34:35Z", &ms) && ms % 1000 == 0);
    static const char *const bad[] = {
        "",
        "2026-11-24",
        "2026-11-24T18:34:35",
        "2026-11-24T18:34:35.1Z",
        "2026-11-24T18:34:35.1234Z",
        "2026-11-24 18:34:35Z",
        "2026-13-24T18:34:35Z",
        "2026-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T18:60:00Z",
        "2026-11-24T18:34:61Z",
        " 026-11-24T18:34:35Z",
        "+026-11-24T18:34:35Z",
        "2026-1-24T18:34:35.00Z",
        "2026-11-24T18:34:35.123+",
        "2026-11-24T18:34:35.123Zx",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (time_parse(bad[i], &ms)) fail_msg("\"%s\" was taken for a time", bad[i]);
}

static void ids_sort_by_time(void **state)
{
    (void)state;
    static struct world_sim sim;
    char first[ID_SIZE], second[ID_SIZE], same[ID_SIZE];
    world_sim_init(&sim);
    sim.utc_ms = 1469918176385; /* the example of the ULID specification: 01ARYZ6S41... */
    id_make(&sim.world, "job_", first);
    id_make(&sim.world, "job_", same);
    sim.utc_ms++;
    id_make(&sim.world, "job_", second);
    assert_true(strncmp(first, "job_01ARYZ6S41", 14) == 0);
    assert_true(strcmp(first, second) < 0 && strcmp(first, same) != 0);
    assert_true(id_valid(first, "job_") && !id_valid(first, "ckpt_"));
    static const char *const bad[] = {"",
                                      "job_",
                                      "job_01ARYZ6S41TSV4RRFFQ69G5FA",
                                      "job_01ARYZ6S41TSV4RRFFQ69G5FAVX",
                                      "job_01ARYZ6S41TSV4RRFFQ69G5FAI",
                                      "job_../../../../../etc/passwd"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(id_valid(bad[i], "job_"));
    world_sim_close(&sim);
}

/* Each of the 80 bits of entropy reaches the text: every character of the tail takes all 32 values. */
static void ulid_uses_all_its_entropy(void **state)
{
    (void)state;
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    uint32_t seen[16] = {0};
    for (int i = 0; i < 3000; i++) {
        char ulid[ULID_SIZE];
        ulid_make(&world_real, ulid);
        for (int c = 0; c < 16; c++) seen[c] |= UINT32_C(1) << (strchr(digits, ulid[10 + c]) - digits);
    }
    for (int c = 0; c < 16; c++) assert_int_equal(seen[c], UINT32_MAX);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(time_goes_both_ways),
    cmocka_unit_test(time_parse_is_strict),
    cmocka_unit_test(ids_sort_by_time),
    cmocka_unit_test(ulid_uses_all_its_entropy),
};
TEST_MAIN(tests)
