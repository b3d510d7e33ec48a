/* Kernel of gemm.c: Goto's layers (Goto, van de Geijn 2008, Anatomy of high-performance matrix multiplication). A block of A (ROWS_BLOCK, DEPTH) is
 * packed to stay in the second cache, a panel of B (DEPTH, PANEL) to stay in the first, and a tile of C (TILE, PANEL) lives in registers while k
 * runs. Only the sizes and the vector type differ by instruction set; the chain of additions of an element does not. */
#include <math.h>
#include <string.h>

#include "base/kernel.h"
#include "engine/model/gemm.h"

#if defined(__AVX512F__)
#include <immintrin.h>
typedef __m512 vector;
enum { LANES = 16, TILE = 12 };
static inline vector vector_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vector_store(float *p, vector v) { _mm512_storeu_ps(p, v); }
static inline vector vector_fma(float a, vector b, vector c) { return _mm512_fmadd_ps(_mm512_set1_ps(a), b, c); }
#elif defined(__FMA__)
#include <immintrin.h>
typedef __m256 vector;
enum { LANES = 8, TILE = 6 };
static inline vector vector_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vector_store(float *p, vector v) { _mm256_storeu_ps(p, v); }
static inline vector vector_fma(float a, vector b, vector c) { return _mm256_fmadd_ps(_mm256_set1_ps(a), b, c); }
#else
typedef float vector __attribute__((vector_size(16)));
enum { LANES = 4, TILE = 4 };
static inline vector vector_load(const float *p)
{
    vector v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void vector_store(float *p, vector v) { memcpy(p, &v, sizeof v); }
static inline vector vector_fma(float a, vector b, vector c)
{
    for (size_t l = 0; l < LANES; l++) c[l] = fmaf(a, b[l], c[l]);
    return c;
}
#endif

enum { PANEL = 2 * LANES, DEPTH = 256, ROWS_BLOCK = 516 };

void KERNEL(gemm_kernel)(size_t m, size_t n, size_t k, struct matrix a, struct matrix b, float *c, size_t c_row, bool add);

/* rows and vectors (1 or 2, of LANES columns) are constants of each call, so that the accumulators are registers. a (depth, TILE), panel (depth,
 * PANEL).
 */
static inline __attribute__((always_inline)) void tile_of(size_t rows, size_t vectors, size_t depth, const float *a, const float *panel, float *c,
                                                          size_t c_row, bool add)
{
    vector sum[TILE][2];
#pragma GCC unroll 12
    for (size_t i = 0; i < rows; i++) {
        sum[i][0] = add ? vector_load(c + i * c_row) : (vector){0};
        if (vectors == 2) sum[i][1] = add ? vector_load(c + i * c_row + LANES) : (vector){0};
    }
    for (size_t p = 0; p < depth; p++, a += TILE, panel += PANEL) {
        vector left = vector_load(panel), right = vector_load(panel + LANES);
#pragma GCC unroll 12
        for (size_t i = 0; i < rows; i++) {
            sum[i][0] = vector_fma(a[i], left, sum[i][0]);
            if (vectors == 2) sum[i][1] = vector_fma(a[i], right, sum[i][1]);
        }
    }
#pragma GCC unroll 12
    for (size_t i = 0; i < rows; i++) {
        vector_store(c + i * c_row, sum[i][0]);
        if (vectors == 2) vector_store(c + i * c_row + LANES, sum[i][1]);
    }
}

static inline __attribute__((always_inline)) void tile_any(size_t rows, size_t vectors, size_t depth, const float *a, const float *panel, float *c,
                                                           size_t c_row, bool add)
{
    switch (rows) {
    case 1: tile_of(1, vectors, depth, a, panel, c, c_row, add); break;
    case 2: tile_of(2, vectors, depth, a, panel, c, c_row, add); break;
    case 3: tile_of(3, vectors, depth, a, panel, c, c_row, add); break;
#if defined(__FMA__)
    case 4: tile_of(4, vectors, depth, a, panel, c, c_row, add); break;
    case 5: tile_of(5, vectors, depth, a, panel, c, c_row, add); break;
#endif
#if defined(__AVX512F__)
    case 6: tile_of(6, vectors, depth, a, panel, c, c_row, add); break;
    case 7: tile_of(7, vectors, depth, a, panel, c, c_row, add); break;
    case 8: tile_of(8, vectors, depth, a, panel, c, c_row, add); break;
    case 9: tile_of(9, vectors, depth, a, panel, c, c_row, add); break;
    case 10: tile_of(10, vectors, depth, a, panel, c, c_row, add); break;
    case 11: tile_of(11, vectors, depth, a, panel, c, c_row, add); break;
#endif
    default: tile_of(TILE, vectors, depth, a, panel, c, c_row, add); break;
    }
}

static void tile_whole(size_t rows, size_t depth, const float *a, const float *panel, float *c, size_t c_row, bool add)
{
    tile_any(rows, 2, depth, a, panel, c, c_row, add);
}

static void tile_half(size_t rows, size_t depth, const float *a, const float *panel, float *c, size_t c_row, bool add)
{
    tile_any(rows, 1, depth, a, panel, c, c_row, add);
}

/* A tile of which only the first columns are C's. */
static void tile_edge(size_t rows, size_t columns, size_t depth, const float *a, const float *panel, float *c, size_t c_row, bool add)
{
    float edge[TILE * PANEL] = {0};
    if (columns == LANES) {
        tile_half(rows, depth, a, panel, c, c_row, add);
        return;
    }
    for (size_t i = 0; add && i < rows; i++) memcpy(edge + i * PANEL, c + i * c_row, columns * sizeof *c);
    if (columns < LANES) tile_half(rows, depth, a, panel, edge, PANEL, add);
    else tile_whole(rows, depth, a, panel, edge, PANEL, add);
    for (size_t i = 0; i < rows; i++) memcpy(c + i * c_row, edge + i * PANEL, columns * sizeof *c);
}

typedef float lanes4 __attribute__((vector_size(16)));

static inline lanes4 lanes4_load(const float *p)
{
    lanes4 v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Four columns, each (4) along k, into four rows of the packed block. */
static inline void turn_four(const float *const from[4], size_t p, float *out, size_t room)
{
    lanes4 a = lanes4_load(from[0] + p), b = lanes4_load(from[1] + p), c = lanes4_load(from[2] + p), d = lanes4_load(from[3] + p);
    lanes4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    lanes4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    lanes4 row[4] = {__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
                     __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7)};
    for (size_t q = 0; q < 4; q++) memcpy(out + q * room, &row[q], sizeof row[q]);
}

/* Columns j .. j + 3 of (depth) each, into the packed block; past the last one it is taken again, for nobody. */
static inline __attribute__((always_inline)) void pack_four(const float *from, size_t across, size_t depth, size_t width, size_t j, size_t room,
                                                            float *out)
{
    const float *column[4];
    size_t p = 0, some = width - j < 4 ? width - j : 4;
    for (size_t i = 0; i < 4; i++) column[i] = from + (j + (i < some ? i : some - 1)) * across;
    for (; p + 4 <= depth; p += 4) turn_four(column, p, out + p * room + j, room);
    for (; p < depth; p++)
        for (size_t i = 0; i < some; i++) out[p * room + j + i] = column[i][p];
}

/* width columns of (depth) each into (depth, room). Element (p, j) is at from[p * along + j * across]; one of the two is 1. What is beyond width is
 * anything: a tile keeps nothing of it. room is a constant of each call, so that a whole row is a few moves. */
static inline __attribute__((always_inline)) void pack(const float *from, size_t along, size_t across, size_t depth, size_t width, size_t room,
                                                       float *out)
{
    if (across == 1) {
        size_t p = 0;
        for (; width == room && p < depth; p++) memcpy(out + p * room, from + p * along, room * sizeof *out);
        for (; width == LANES && p < depth; p++) memcpy(out + p * room, from + p * along, LANES * sizeof *out);
        for (; p < depth; p++)
            for (size_t i = 0; i < width; i++) out[p * room + i] = from[p * along + i];
        return;
    }
    size_t j = 0;
    for (; along == 1 && j < width && j + 4 <= room; j += 4) pack_four(from, across, depth, width, j, room, out);
    for (; j < width; j++)
        for (size_t p = 0; p < depth; p++) out[p * room + j] = from[p * along + j * across];
}

void KERNEL(gemm_kernel)(size_t m, size_t n, size_t k, struct matrix a, struct matrix b, float *c, size_t c_row, bool add)
{
    _Alignas(64) float block[ROWS_BLOCK * DEPTH], panel[DEPTH * PANEL];
    for (size_t i = 0; k == 0 && !add && i < m; i++)
        for (size_t j = 0; j < n; j++) c[i * c_row + j] = 0;
    for (size_t at = 0; at < k; at += DEPTH) {
        size_t depth = k - at < DEPTH ? k - at : DEPTH;
        for (size_t top = 0; top < m; top += ROWS_BLOCK) {
            size_t rows = m - top < ROWS_BLOCK ? m - top : ROWS_BLOCK;
            for (size_t i = 0; i < rows; i += TILE)
                pack(a.data + (top + i) * a.row + at * a.column, a.column, a.row, depth, rows - i < TILE ? rows - i : TILE, TILE, block + i * depth);
            for (size_t j = 0; j < n; j += PANEL) {
                size_t columns = n - j < PANEL ? n - j : PANEL;
                pack(b.data + at * b.row + j * b.column, b.row, b.column, depth, columns, PANEL, panel);
                for (size_t i = 0; i < rows; i += TILE) {
                    size_t height = rows - i < TILE ? rows - i : TILE;
                    float *to = c + (top + i) * c_row + j;
                    if (columns == PANEL) tile_whole(height, depth, block + i * depth, panel, to, c_row, add || at > 0);
                    else tile_edge(height, columns, depth, block + i * depth, panel, to, c_row, add || at > 0);
                }
            }
        }
    }
}
