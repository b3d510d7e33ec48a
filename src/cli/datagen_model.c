/* The hidden model of `data gen`: tables of effects made once from the seed, then one pure function a row. See datagen_model.h.
 *
 * Random numbers come from rng_at(seed, RNG_DATAGEN, stream, row), one stream for the log, one for the rows that the model is calibrated
 * on (never written), one for the effects, one for those of triples. libm's exp, log and pow are used: another libm could, about once in a hundred
 * million fields, round a count or a rank to its neighbour. */
#include "cli/datagen_model.h"

#include <math.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"

enum { STREAM_ROWS = 0, STREAM_CALIBRATION = 1, STREAM_EFFECTS = 2, STREAM_TRIPLES = 3 };
enum { CALIBRATION_ROWS = 1 << 15 };

static const double base_rate = 0.25;
static const double linear_sd = 1.5, pair_sd = 1.85; /* of the logit's two sums */

/* A count is floor(exp(mu + scale * logistic)) - shift. pairs: strength in the pairwise sum, against 1 for the strongest. */
static const struct count_field {
    double mu, scale, missing, pairs;
    int32_t shift;
} count_fields[DATAGEN_COUNTS] = {
    {0.7, 0.7, 0.30, 0.0, 0}, {2.0, 0.7, 0.00, 0.0, 2},  {1.8, 0.6, 0.20, 0.0, 0}, {1.6, 0.5, 0.20, 0.0, 0}, {5.5, 0.6, 0.03, 0.0, 0},
    {3.4, 0.6, 0.20, 0.0, 0}, {1.6, 0.7, 0.05, 0.8, 0},  {2.3, 0.4, 0.01, 0.0, 0}, {4.0, 0.5, 0.05, 0.0, 0}, {0.3, 0.4, 0.30, 0.8, 0},
    {0.9, 0.5, 0.05, 0.0, 0}, {-0.4, 0.7, 0.55, 0.0, 0}, {1.9, 0.5, 0.20, 0.0, 0},
};

/* A category's rank is Zipf with this exponent over this many values. */
static const struct category_field {
    uint32_t values;
    double exponent, missing, pairs;
} category_fields[DATAGEN_CATEGORIES] = {
    {1460, 1.40, 0.00, 0.0},    {583, 1.30, 0.00, 0.0},     {1000000, 1.20, 0.05, 0.0}, {500000, 1.20, 0.05, 0.0}, {305, 1.50, 0.00, 0.8},
    {24, 1.10, 0.20, 1.0},      {12517, 1.30, 0.00, 0.0},   {633, 1.50, 0.00, 0.0},     {4, 1.00, 0.00, 1.0},      {93145, 1.20, 0.02, 0.0},
    {5683, 1.30, 0.00, 0.0},    {1000000, 1.25, 0.05, 0.0}, {3194, 1.30, 0.00, 0.0},    {27, 1.10, 0.02, 1.0},     {14992, 1.30, 0.00, 0.0},
    {1000000, 1.20, 0.05, 0.0}, {10, 1.00, 0.00, 1.0},      {5652, 1.30, 0.00, 0.0},    {2173, 1.20, 0.44, 0.0},   {4, 0.90, 0.24, 1.0},
    {800000, 1.25, 0.05, 0.0},  {18, 1.30, 0.75, 0.0},      {15, 1.10, 0.00, 1.0},      {286181, 1.20, 0.05, 0.0}, {105, 1.20, 0.44, 0.0},
    {142572, 1.20, 0.44, 0.0},
};

struct effect { /* of one value of one field */
    float linear, latent[DATAGEN_LATENT], triple[DATAGEN_TRIPLE];
};

struct datagen_model {
    uint64_t seed;
    double bias, third_sd;
    double rank_span[DATAGEN_CATEGORIES]; /* of draw_rank */
    uint32_t token_key[DATAGEN_CATEGORIES];
    struct effect effects[DATAGEN_FIELDS][DATAGEN_HEAD + 1]; /* [f][0]: a missing or rare value, all zero */
};

static unsigned count_index(int32_t count) /* the criteo format's bucket, from 1; 0: no effect */
{
    if (count == DATAGEN_MISSING) return 0;
    int bucket = count;
    if (count > 2) {
        double l = log(count);
        bucket = (int)(l * l);
    }
    int index = bucket + 4; /* counts start at -3 or above */
    return index < 1 ? 1 : index > DATAGEN_HEAD ? 0 : (unsigned)index;
}

static unsigned category_index(uint32_t rank) { return rank <= DATAGEN_HEAD ? rank : 0; }

static int32_t draw_count(const struct count_field *f, double u)
{
    if (u < f->missing) return DATAGEN_MISSING;
    u = (u - f->missing) / (1 - f->missing);
    double x = exp(f->mu + f->scale * log((u + 0x1p-54) / (1 - u)));
    return (int32_t)fmin(x, 1e7) - f->shift;
}

/* Inverse of the bounded Pareto distribution on [1, values + 1), P(x > t) ~ t^(1 - exponent): its floor is Zipf-like with finite support. */
static double rank_span(const struct category_field *f)
{
    double e = 1 - f->exponent;
    return e == 0 ? log(f->values + 1.0) : pow(f->values + 1.0, e) - 1;
}

static uint32_t draw_rank(const struct category_field *f, double span, double u)
{
    if (u < f->missing) return 0;
    u = (u - f->missing) / (1 - f->missing);
    double e = 1 - f->exponent, x = e == 0 ? exp(u * span) : pow(1 + u * span, 1 / e);
    uint32_t rank = (uint32_t)x;
    return rank < 1 ? 1 : rank > f->values ? f->values : rank;
}

static void draw_fields(const struct datagen_model *m, struct rng *rng, struct datagen_row *row)
{
    for (unsigned i = 0; i < DATAGEN_COUNTS; i++) row->counts[i] = draw_count(&count_fields[i], rng_unit(rng));
    for (unsigned i = 0; i < DATAGEN_CATEGORIES; i++) row->ranks[i] = draw_rank(&category_fields[i], m->rank_span[i], rng_unit(rng));
}

static void field_indices(const struct datagen_row *row, uint16_t index[DATAGEN_FIELDS])
{
    for (unsigned i = 0; i < DATAGEN_COUNTS; i++) index[i] = (uint16_t)count_index(row->counts[i]);
    for (unsigned i = 0; i < DATAGEN_CATEGORIES; i++) index[DATAGEN_COUNTS + i] = (uint16_t)category_index(row->ranks[i]);
}

struct sums {
    double linear, pairs, triples;
};

/* The triples by Newton's identity: sum_{f<g<h} t_f t_g t_h = (s1^3 - 3 s1 s2 + 2 s3) / 6 with the power sums s1, s2, s3. */
static double triples_sum(const struct datagen_model *m, const uint16_t index[DATAGEN_FIELDS])
{
    double total = 0;
    for (unsigned k = 0; k < DATAGEN_TRIPLE; k++) {
        double s1 = 0, s2 = 0, s3 = 0;
        for (unsigned f = 0; f < DATAGEN_FIELDS; f++) {
            double t = (double)m->effects[f][index[f]].triple[k];
            s1 += t, s2 += t * t, s3 += t * t * t;
        }
        total += (s1 * s1 * s1 - 3 * s1 * s2 + 2 * s3) / 6;
    }
    return total;
}

/* The sums of the logit; pairs by Rendle's lemma: 1/2 sum_k [(sum u_k)^2 - sum u_k^2]. */
static struct sums model_sums(const struct datagen_model *m, const uint16_t index[DATAGEN_FIELDS])
{
    double w = 0, sum[DATAGEN_LATENT] = {0}, squares = 0, q = 0;
    for (unsigned f = 0; f < DATAGEN_FIELDS; f++) {
        const struct effect *e = &m->effects[f][index[f]];
        w += e->linear;
        for (unsigned k = 0; k < DATAGEN_LATENT; k++) {
            sum[k] += e->latent[k];
            squares += (double)e->latent[k] * e->latent[k];
        }
    }
    for (unsigned k = 0; k < DATAGEN_LATENT; k++) q += sum[k] * sum[k];
    return (struct sums){.linear = w, .pairs = (q - squares) / 2, .triples = m->third_sd > 0 ? triples_sum(m, index) : 0};
}

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }

void datagen_model_row(const struct datagen_model *model, uint64_t row, struct datagen_row *out)
{
    struct rng rng = rng_at(model->seed, RNG_DATAGEN, STREAM_ROWS, row);
    uint16_t index[DATAGEN_FIELDS];
    draw_fields(model, &rng, out);
    field_indices(out, index);
    struct sums sums = model_sums(model, index);
    out->linear = sums.linear;
    out->pairs = sums.pairs;
    out->logit = model->bias + sums.linear + sums.pairs + sums.triples;
    out->probability = sigmoid(out->logit);
    out->label = rng_unit(&rng) < out->probability;
}

uint32_t datagen_token(const struct datagen_model *model, unsigned category, uint32_t rank)
{
    uint32_t x = rank ^ model->token_key[category]; /* then a bijection of 32 bits (MurmurHash3's finaliser) */
    x = (x ^ x >> 16) * 0x85EBCA6Bu;
    x = (x ^ x >> 13) * 0xC2B2AE35u;
    return x ^ x >> 16;
}

/* How much a value counts: a category's effect shrinks with its rank, a count's does not (its buckets are few). */
static double taper(unsigned field, unsigned index) { return field < DATAGEN_COUNTS ? 1 : 1 - (double)(index - 1) / DATAGEN_HEAD; }

static double pair_strength(unsigned field)
{
    return field < DATAGEN_COUNTS ? count_fields[field].pairs : category_fields[field - DATAGEN_COUNTS].pairs;
}

/* Raw effects: normal for categories; for counts a wave over the buckets, so that neighbours behave alike as they do in real counters. */
static void draw_effects(struct datagen_model *m)
{
    for (unsigned f = 0; f < DATAGEN_FIELDS; f++) {
        struct rng rng = rng_at(m->seed, RNG_DATAGEN, STREAM_EFFECTS, f);
        double strength = 0.5 + rng_unit(&rng), phase[DATAGEN_LATENT + 1], turns[DATAGEN_LATENT + 1];
        for (unsigned k = 0; k <= DATAGEN_LATENT; k++) phase[k] = 6.283185307179586 * rng_unit(&rng), turns[k] = 0.5 + rng_unit(&rng);
        for (unsigned i = 1; i <= DATAGEN_HEAD; i++) {
            double x[DATAGEN_LATENT + 1];
            for (unsigned k = 0; k <= DATAGEN_LATENT; k++)
                x[k] = f < DATAGEN_COUNTS ? 1.4142135623730951 * sin(phase[k] + turns[k] * sqrt((double)i)) : rng_normal(&rng);
            struct effect *e = &m->effects[f][i];
            e->linear = (float)(strength * taper(f, i) * x[0]);
            for (unsigned k = 0; k < DATAGEN_LATENT; k++) e->latent[k] = (float)(pair_strength(f) * taper(f, i) * x[k + 1]);
        }
    }
}

/* The triples' effects have streams of their own, so that the others are what they are without. */
static void draw_triples(struct datagen_model *m)
{
    for (unsigned f = 0; f < DATAGEN_FIELDS; f++) {
        struct rng rng = rng_at(m->seed, RNG_DATAGEN, STREAM_TRIPLES, f);
        double phase[DATAGEN_TRIPLE], turns[DATAGEN_TRIPLE];
        for (unsigned k = 0; k < DATAGEN_TRIPLE; k++) phase[k] = 6.283185307179586 * rng_unit(&rng), turns[k] = 0.5 + rng_unit(&rng);
        for (unsigned i = 1; i <= DATAGEN_HEAD; i++)
            for (unsigned k = 0; k < DATAGEN_TRIPLE; k++) {
                double x = f < DATAGEN_COUNTS ? 1.4142135623730951 * sin(phase[k] + turns[k] * sqrt((double)i)) : rng_normal(&rng);
                m->effects[f][i].triple[k] = (float)(pair_strength(f) * taper(f, i) * x);
            }
    }
}

/* Take from each field's effects their mean over the calibration rows, in proportion to the taper, so that rare values stay at zero. */
static void centre_effects(struct datagen_model *m, uint16_t (*index)[DATAGEN_FIELDS])
{
    enum { TRIPLE = 1 + DATAGEN_LATENT, NUMBERS = TRIPLE + DATAGEN_TRIPLE };
    for (unsigned f = 0; f < DATAGEN_FIELDS; f++) {
        double mean[NUMBERS] = {0}, mass = 0;
        for (unsigned r = 0; r < CALIBRATION_ROWS; r++) {
            const struct effect *e = &m->effects[f][index[r][f]];
            if (!index[r][f]) continue;
            mass += taper(f, index[r][f]);
            mean[0] += e->linear;
            for (unsigned k = 0; k < DATAGEN_LATENT; k++) mean[1 + k] += e->latent[k];
            for (unsigned k = 0; k < DATAGEN_TRIPLE; k++) mean[TRIPLE + k] += e->triple[k];
        }
        for (unsigned i = 1; i <= DATAGEN_HEAD && mass > 0; i++) {
            struct effect *e = &m->effects[f][i];
            e->linear -= (float)(taper(f, i) * mean[0] / mass);
            for (unsigned k = 0; k < DATAGEN_LATENT; k++) e->latent[k] -= (float)(taper(f, i) * mean[1 + k] / mass);
            for (unsigned k = 0; k < DATAGEN_TRIPLE; k++) e->triple[k] -= (float)(taper(f, i) * mean[TRIPLE + k] / mass);
        }
    }
}

static void scale_effects(struct datagen_model *m, uint16_t (*index)[DATAGEN_FIELDS])
{
    double sum[3] = {0}, squares[3] = {0};
    for (unsigned r = 0; r < CALIBRATION_ROWS; r++) {
        struct sums s = model_sums(m, index[r]);
        double part[3] = {s.linear, s.pairs, s.triples};
        for (int i = 0; i < 3; i++) sum[i] += part[i], squares[i] += part[i] * part[i];
    }
    double sd[3];
    for (int i = 0; i < 3; i++) {
        double mean = sum[i] / CALIBRATION_ROWS;
        sd[i] = sqrt(squares[i] / CALIBRATION_ROWS - mean * mean);
    }
    double linear_scale = linear_sd / sd[0], latent_scale = sqrt(pair_sd / sd[1]), triple_scale = m->third_sd > 0 ? cbrt(m->third_sd / sd[2]) : 0;
    for (unsigned f = 0; f < DATAGEN_FIELDS; f++)
        for (unsigned i = 1; i <= DATAGEN_HEAD; i++) {
            struct effect *e = &m->effects[f][i];
            e->linear = (float)(e->linear * linear_scale);
            for (unsigned k = 0; k < DATAGEN_LATENT; k++) e->latent[k] = (float)(e->latent[k] * latent_scale);
            for (unsigned k = 0; k < DATAGEN_TRIPLE; k++) e->triple[k] = (float)(e->triple[k] * triple_scale);
        }
}

/* The bias at which the mean probability of the calibration rows is the base rate: Newton's method, its steps bounded since the mean is flat far
 * away. */
static void solve_bias(struct datagen_model *m, uint16_t (*index)[DATAGEN_FIELDS], double *logit)
{
    for (unsigned r = 0; r < CALIBRATION_ROWS; r++) {
        struct sums sums = model_sums(m, index[r]);
        logit[r] = sums.linear + sums.pairs + sums.triples;
    }
    for (int i = 0; i < 16; i++) {
        double sum = 0, slope = 0;
        for (unsigned r = 0; r < CALIBRATION_ROWS; r++) {
            double p = sigmoid(m->bias + logit[r]);
            sum += p, slope += p * (1 - p);
        }
        double step = (base_rate * CALIBRATION_ROWS - sum) / slope;
        m->bias += fmax(fmin(step, 2), -2);
        if (fabs(step) < 1e-9) break;
    }
}

struct datagen_model *datagen_model_new(uint64_t seed, double third_sd, struct error *err)
{
    struct datagen_model *m = mem_zero(sizeof *m, err);
    uint16_t(*index)[DATAGEN_FIELDS] = mem_array(CALIBRATION_ROWS, 1, sizeof *index, err);
    double *logit = mem_array(CALIBRATION_ROWS, 1, sizeof *logit, err);
    bool ok = m && index && logit;
    if (ok) {
        m->seed = seed;
        m->third_sd = third_sd;
        for (unsigned i = 0; i < DATAGEN_CATEGORIES; i++) m->rank_span[i] = rank_span(&category_fields[i]);
        for (unsigned i = 0; i < DATAGEN_CATEGORIES; i++) m->token_key[i] = (uint32_t)(hash_mix(hash_mix(seed) + i) >> 32);
        for (unsigned r = 0; r < CALIBRATION_ROWS; r++) {
            struct rng rng = rng_at(seed, RNG_DATAGEN, STREAM_CALIBRATION, r);
            struct datagen_row row;
            draw_fields(m, &rng, &row);
            field_indices(&row, index[r]);
        }
        draw_effects(m);
        if (third_sd > 0) draw_triples(m);
        centre_effects(m, index);
        scale_effects(m, index);
        solve_bias(m, index, logit);
    }
    mem_free(index);
    mem_free(logit);
    if (ok) return m;
    datagen_model_free(m);
    return NULL;
}

void datagen_model_free(struct datagen_model *model) { mem_free(model); }
