/* What every codec with bytes must hold: finite round trips on awkward rows, the declared contraction, equal bytes for equal input, hostile bytes
 * refused without harm; and error feedback that loses nothing. */
#include "lib/test.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "engine/compress/residual.h"

enum { BITS = 16, SLICE_BITS = 10, SLICES = 64 };

static struct codec_call call_at(uint64_t step)
{
    return (struct codec_call){.step = step, .epoch = 0, .tensor = 1, .slices = SLICES, .slice_bits = SLICE_BITS, .space = 1u << BITS};
}

static void slice(struct grad_rows *a)
{
    size_t at = 0;
    for (uint32_t q = 0; q < SLICES; q++) {
        a->slice_start[q] = (uint32_t)at;
        while (at < a->count && a->ids[at] >> SLICE_BITS == q) at++;
    }
    a->slice_start[SLICES] = (uint32_t)a->count;
}

enum shape { NORMAL, ZEROS, ONE, EQUAL, DENORMAL, HUGE_ONES, SHAPES };

static void fill(struct grad_buffer *a, size_t count, uint32_t width, enum shape shape, uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, width, count);
    assert_int_equal(grad_buffer_reserve(a, count, width, false, NULL), 0);
    uint32_t id = 0, stride = count ? (1u << BITS) / (uint32_t)count : 1;
    for (size_t i = 0; i < count; i++, id += stride) {
        a->rows.ids[i] = id + (stride > 1 ? rng_u32(&rng) % (stride - 1) : 0);
        for (uint32_t j = 0; j < width; j++) {
            float x = (float)rng_normal(&rng);
            if (shape == ZEROS || (shape == ONE && (i != count / 2 || j != 0))) x = 0;
            if (shape == EQUAL) x = -0.25f;
            if (shape == DENORMAL) x *= 1e-41f;
            if (shape == HUGE_ONES) x = x > 0 ? FLT_MAX / 4 : -FLT_MAX / 4;
            a->rows.values[i * width + j] = x;
        }
    }
    a->rows.count = count;
    slice(&a->rows);
}

static void decode_all(const struct codec *c, const struct codec_call *call, const struct message *m, uint32_t width, struct grad_buffer *d)
{
    struct error err = {0};
    assert_int_equal(grad_buffer_reserve(d, 0, width, false, NULL), 0);
    for (uint32_t q = 0; q < SLICES; q++) assert_ok(codec_decode_slice(c, call, m, q, width, d, &err), &err);
    slice(&d->rows);
}

static double difference(const struct grad_rows *a, const struct grad_rows *d, double *norm)
{
    double sum = 0;
    size_t k = 0;
    *norm = 0;
    for (size_t i = 0; i < a->count; i++) {
        while (k < d->count && d->ids[k] < a->ids[i]) k++;
        bool sent = k < d->count && d->ids[k] == a->ids[i];
        for (uint32_t j = 0; j < a->width; j++) {
            double x = (double)a->values[i * a->width + j], y = sent ? (double)d->values[k * a->width + j] : 0;
            sum += (x - y) * (x - y);
            *norm += x * x;
        }
    }
    return sum;
}

static void codecs_round_trip(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 7, 100, 1000};
    static const uint32_t widths[] = {1, 3, 16};
    struct grad_buffer a = {0}, d = {0};
    struct message m;
    struct error err = {0};
    message_init(&m);
    for (const struct codec *const *c = codecs; *c; c++) {
        if (!(*c)->encode) continue;
        void *params = mem_zero((*c)->kind.params_size, NULL);
        options_default((*c)->kind.options, params);
        for (size_t n = 0; n < 6; n++)
            for (size_t w = 0; w < 3; w++)
                for (enum shape shape = NORMAL; shape < SHAPES; shape++) {
                    struct codec_call call = call_at(1);
                    fill(&a, counts[n], widths[w], shape, 1 + n);
                    assert_ok((*c)->encode(params, &call, &a.rows, &m, &err), &err);
                    decode_all(*c, &call, &m, widths[w], &d);
                    for (size_t i = 0; i < d.rows.count * widths[w]; i++) assert_true(isfinite(d.rows.values[i]));
                    double norm, lost = difference(&a.rows, &d.rows, &norm);
                    if (shape == NORMAL || shape == EQUAL || shape == ONE)
                        assert_true(lost <= (1 - (*c)->delta(params, &call, &a.rows)) * norm * (1 + 1e-5) + 1e-12);
                    struct message again; /* the same bytes, and bytes are all that a receiver needs */
                    message_init(&again);
                    assert_ok((*c)->encode(params, &call, &a.rows, &again, &err), &err);
                    assert_int_equal(again.body.size, m.body.size);
                    assert_memory_equal(again.body.data, m.body.data, m.body.size);
                    assert_ok(message_parse(&again, &call, widths[w], m.body.data, m.body.size, &err), &err);
                    assert_memory_equal(again.segment, m.segment, (SLICES + 1) * sizeof *m.segment);
                    message_close(&again);
                }
        mem_free(params);
    }
    message_close(&m);
    grad_buffer_close(&a);
    grad_buffer_close(&d);
}

static void codecs_refuse_damage(void **state)
{
    (void)state;
    struct grad_buffer a = {0}, d = {0};
    struct message m, bad;
    struct error err = {0};
    message_init(&m);
    message_init(&bad);
    for (const struct codec *const *c = codecs; *c; c++) {
        if (!(*c)->encode) continue;
        void *params = mem_zero((*c)->kind.params_size, NULL);
        options_default((*c)->kind.options, params);
        struct codec_call call = call_at(1);
        struct rng rng = rng_at(5, RNG_TEST, 0, 0);
        fill(&a, 300, 3, NORMAL, 9);
        assert_ok((*c)->encode(params, &call, &a.rows, &m, &err), &err);
        uint8_t *copy = mem_zero(m.body.size, NULL);
        for (int i = 0; i < 20000; i++) { /* cut or flip: an error or finite rows with ascending ids, never a crash (ASan watches) */
            struct error ignored = {0};
            size_t size = i % 2 ? m.body.size : rng_below(&rng, m.body.size);
            memcpy(copy, m.body.data, m.body.size);
            if (i % 2) copy[rng_below(&rng, size)] ^= (uint8_t)(1 + rng_below(&rng, 255));
            if (message_parse(&bad, &call, 3, copy, size, &ignored) < 0) continue;
            assert_int_equal(grad_buffer_reserve(&d, 0, 3, false, NULL), 0);
            for (uint32_t q = 0; q < SLICES; q++)
                if (codec_decode_slice(*c, &call, &bad, q, 3, &d, &ignored) < 0) break;
            for (size_t k = 1; k < d.rows.count; k++) assert_true(d.rows.ids[k] > d.rows.ids[k - 1] && d.rows.ids[k] < 1u << BITS);
            for (size_t k = 0; k < d.rows.count * 3; k++) assert_true(isfinite(d.rows.values[k]));
        }
        mem_free(copy);
        mem_free(params);
    }
    message_close(&m);
    message_close(&bad);
    grad_buffer_close(&a);
    grad_buffer_close(&d);
}

static void topk_keeps_the_largest_with_ties_low(void **state)
{
    (void)state;
    struct {
        double start, decay, min;
        int per;
    } params = {0.4, 1, 0.001, 0};
    struct grad_buffer a = {0}, d = {0};
    struct message m;
    struct error err = {0};
    struct codec_call call = call_at(1);
    message_init(&m);
    fill(&a, 5, 1, ZEROS, 1);
    const float values[] = {1, -3, 1, 1, 0.5f};
    memcpy(a.rows.values, values, sizeof values);
    assert_ok(codec_topk.encode(&params, &call, &a.rows, &m, &err), &err);
    decode_all(&codec_topk, &call, &m, 1, &d);
    assert_int_equal(d.rows.count, 2);
    assert_int_equal(d.rows.ids[0], a.rows.ids[0]); /* of three equal ones the lowest id */
    assert_int_equal(d.rows.ids[1], a.rows.ids[1]);
    assert_true(d.rows.values[0] == 1 && d.rows.values[1] == -3);
    message_close(&m);
    grad_buffer_close(&a);
    grad_buffer_close(&d);
}

/* sum of sent + residual = sum of gradients, per coordinate, over many steps; with a bound on the residual's rows that evicts all the time. */
static void feedback_conserves_mass(void **state)
{
    (void)state;
    enum { SPACE = 1 << BITS, WIDTH = 2, STEPS = 300 };
    for (const struct codec *const *c = codecs; *c; c++)
        for (size_t max = 20; max <= 100000; max *= 5000) {
            if (!(*c)->encode) continue;
            void *params = mem_zero((*c)->kind.params_size, NULL);
            options_default((*c)->kind.options, params);
            struct residual r;
            struct grad_buffer g = {0}, d = {0};
            struct message m;
            struct error err = {0};
            double *in = mem_array(SPACE, WIDTH, sizeof *in, NULL), *out = mem_array(SPACE, WIDTH, sizeof *out, NULL);
            residual_init(&r, WIDTH, max, 1);
            message_init(&m);
            for (uint64_t step = 1; step <= STEPS; step++) {
                struct codec_call call = call_at(step);
                fill(&g, 60, WIDTH, NORMAL, step);
                for (size_t i = 0; i < g.rows.count * WIDTH; i++) in[g.rows.ids[i / WIDTH] * WIDTH + i % WIDTH] += (double)g.rows.values[i];
                assert_ok(residual_add(&r, &g, 0.1f, &call, &call.forced, &err), &err);
                for (size_t i = 1; i < g.rows.count; i++) assert_true(g.rows.ids[i] > g.rows.ids[i - 1]);
                assert_ok((*c)->encode(params, &call, &g.rows, &m, &err), &err);
                decode_all(*c, &call, &m, WIDTH, &d);
                for (size_t i = 0; i < d.rows.count * WIDTH; i++) out[d.rows.ids[i / WIDTH] * WIDTH + i % WIDTH] += (double)d.rows.values[i];
                assert_ok(residual_keep(&r, &g.rows, &d.rows, 0.1f, &err), &err);
                assert_true(residual_rows(&r) <= max + 60);
            }
            size_t waiting = residual_rows(&r);
            uint32_t *ids = mem_array(waiting, 1, sizeof *ids, NULL);
            float *eta = mem_array(waiting, 1, sizeof *eta, NULL), *values = mem_array(waiting, WIDTH, sizeof *values, NULL);
            assert_int_equal(residual_save(&r, waiting, ids, eta, values), waiting);
            for (size_t i = 0; i < waiting * WIDTH; i++) out[ids[i / WIDTH] * WIDTH + i % WIDTH] += (double)values[i];
            for (size_t i = 0; i < SPACE * WIDTH; i++) assert_close(out[i], in[i], 1e-4, 2e-5);
            mem_free(ids), mem_free(eta), mem_free(values), mem_free(in), mem_free(out), mem_free(params);
            residual_close(&r);
            message_close(&m);
            grad_buffer_close(&g);
            grad_buffer_close(&d);
        }
}

/* One step: sent + new residual = gradient + old residual, bit for bit where the codec copies values (top-k). */
static void feedback_identity_is_exact_for_topk(void **state)
{
    (void)state;
    struct {
        double start, decay, min;
        int per;
    } params = {0.1, 1, 0.001, 0};
    struct residual r;
    struct grad_buffer g = {0}, d = {0};
    struct message m;
    struct error err = {0};
    struct codec_call call = call_at(1);
    residual_init(&r, 1, 1000, 1);
    message_init(&m);
    fill(&g, 50, 1, NORMAL, 4);
    float before[50];
    memcpy(before, g.rows.values, sizeof before);
    assert_ok(residual_add(&r, &g, 1, &call, &call.forced, &err), &err);
    assert_ok(codec_topk.encode(&params, &call, &g.rows, &m, &err), &err);
    decode_all(&codec_topk, &call, &m, 1, &d);
    assert_int_equal(d.rows.count, 5);
    assert_ok(residual_keep(&r, &g.rows, &d.rows, 1, &err), &err);
    assert_int_equal(residual_rows(&r), 45);
    fill(&g, 50, 1, ZEROS, 4); /* the same ids, zero gradient: the residual comes back whole */
    assert_ok(residual_add(&r, &g, 1, &call, &call.forced, &err), &err);
    for (size_t i = 0, k = 0; i < 50; i++) {
        bool sent = k < d.rows.count && d.rows.ids[k] == g.rows.ids[i];
        float want = sent ? 0 : before[i];
        if (sent) k++;
        assert_memory_equal(&g.rows.values[i], &want, sizeof want);
    }
    message_close(&m);
    residual_close(&r);
    grad_buffer_close(&g);
    grad_buffer_close(&d);
}

static void feedback_scales_with_the_rate(void **state)
{
    (void)state;
    struct residual r;
    struct grad_buffer g = {0};
    struct error err = {0};
    struct codec_call call = call_at(1);
    const float waiting[] = {1};
    residual_init(&r, 1, 10, 1);
    assert_ok(residual_load(&r, 7, 0.2f, waiting, &err), &err);
    fill(&g, 1, 1, ZEROS, 1);
    g.rows.ids[0] = 7;
    assert_ok(residual_add(&r, &g, 0.1f, &call, &call.forced, &err), &err);
    assert_close(g.rows.values[0], 2, 1e-6, 0);
    assert_int_equal(residual_rows(&r), 0);
    residual_close(&r);
    grad_buffer_close(&g);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(codecs_round_trip),
                                          cmocka_unit_test(codecs_refuse_damage),
                                          cmocka_unit_test(topk_keeps_the_largest_with_ties_low),
                                          cmocka_unit_test(feedback_conserves_mass),
                                          cmocka_unit_test(feedback_identity_is_exact_for_topk),
                                          cmocka_unit_test(feedback_scales_with_the_rate)};
TEST_MAIN(tests)
