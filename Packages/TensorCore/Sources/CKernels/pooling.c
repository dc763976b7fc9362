// Pooling: the largest element or the mean of each window of a plane. Windows of 2x2, one beside the other, are what
// networks use most: they have kernels of their own, which hold several windows in a vector. All others are given by
// their bounds.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "pooling.c"
#include "versions.h"

void ck_max_pool_2x2(
    const float *x, size_t planes, size_t height, size_t width, int then_relu, float *y, uint8_t *places) {
  CK_CALL(max_pool_2x2, x, planes, height, width, then_relu, y, places);
}
void ck_max_pool_2x2_gradient(
    const float *dy, const uint8_t *places, size_t planes, size_t height, size_t width, float *dx) {
  CK_CALL(max_pool_2x2_gradient, dy, places, planes, height, width, dx);
}
void ck_mean_pool_2x2(const float *x, size_t planes, size_t height, size_t width, float *y) {
  CK_CALL(mean_pool_2x2, x, planes, height, width, y);
}
void ck_mean_pool_2x2_gradient(const float *dy, size_t planes, size_t height, size_t width, float *dx) {
  CK_CALL(mean_pool_2x2_gradient, dy, planes, height, width, dx);
}
void ck_plane_means(const float *x, size_t planes, size_t size, float *y) { CK_CALL(plane_means, x, planes, size, y); }
void ck_plane_means_gradient(const float *dy, size_t planes, size_t size, float *dx) {
  CK_CALL(plane_means_gradient, dy, planes, size, dx);
}
void ck_max_pool(
    const ck_pool_grid *g, const float *x, size_t planes, int then_relu, float *y, void *places, int place_bytes) {
  CK_CALL(max_pool, g, x, planes, then_relu, y, places, place_bytes);
}
void ck_max_pool_gradient(
    const ck_pool_grid *g, const float *dy, const void *places, int place_bytes, size_t planes, float *dx) {
  CK_CALL(max_pool_gradient, g, dy, places, place_bytes, planes, dx);
}
void ck_mean_pool(const ck_pool_grid *g, const float *x, size_t planes, float *y) { CK_CALL(mean_pool, g, x, planes, y); }
void ck_mean_pool_gradient(const ck_pool_grid *g, const float *dy, size_t planes, float *dx) {
  CK_CALL(mean_pool_gradient, g, dy, planes, dx);
}
#else
#include "vectors.h"

// A later element takes the place of an earlier one only if it is larger, or NaN: PyTorch's rule.
#define CK_BEATS(b, a) (((b) > (a)) | ((b) != (b)))

// N windows of 2x2 side by side: 2N neighbouring elements of each of two rows, which come in two pieces of N, the
// second `skip` after the first.
#define CK_WINDOW_TYPES(N)                                                                                   \
  typedef float CK(f##N) __attribute__((ext_vector_type(N)));                                           \
  typedef float CK(w##N) __attribute__((ext_vector_type(2 * N)));                                       \
  typedef int32_t CK(i##N) __attribute__((ext_vector_type(N)));                                         \
  typedef uint8_t CK(b##N) __attribute__((ext_vector_type(N)));

// Writes elements in turn from two vectors: the inverse of .even and .odd.
#define CK_GIVE(N)                                                                                      \
  static inline void CK(give##N)(CK(f##N) even, CK(f##N) odd, float *row, size_t skip) {                \
    CK(w##N) v;                                                                                         \
    v.even = even;                                                                                      \
    v.odd = odd;                                                                                        \
    memcpy(row, &v, sizeof v / 2);                                                                      \
    memcpy(row + skip, (float *)&v + N, sizeof v / 2);                                                  \
  }
#define CK_WINDOWS(N)                                                                                   \
  static inline CK(w##N) CK(take##N)(const float *row, size_t skip) {                                   \
    CK(w##N) v;                                                                                         \
    memcpy(&v, row, sizeof v / 2);                                                                      \
    memcpy((float *)&v + N, row + skip, sizeof v / 2);                                                  \
    return v;                                                                                           \
  }                                                                                                     \
  static inline CK(f##N) CK(pick##N)(CK(i##N) mask, CK(f##N) yes, CK(f##N) no) {                        \
    CK(i##N) a, b, r;                                                                                   \
    CK(f##N) v;                                                                                         \
    memcpy(&a, &yes, sizeof a);                                                                         \
    memcpy(&b, &no, sizeof b);                                                                          \
    r = (a & mask) | (b & ~mask);                                                                       \
    memcpy(&v, &r, sizeof v);                                                                           \
    return v;                                                                                           \
  }                                                                                                     \
  static inline void CK(max##N)(                                                                        \
      const float *top, const float *bottom, size_t skip, int relu, float *y, uint8_t *p) {             \
    CK(w##N) t = CK(take##N)(top, skip), b = CK(take##N)(bottom, skip);                                 \
    CK(f##N) t0 = t.even, t1 = t.odd, b0 = b.even, b1 = b.odd;                                          \
    CK(i##N) upper = CK_BEATS(t1, t0), lower = CK_BEATS(b1, b0);                                        \
    CK(f##N) best = CK(pick##N)(upper, t1, t0), second = CK(pick##N)(lower, b1, b0);                    \
    CK(i##N) below = CK_BEATS(second, best);                                                            \
    best = CK(pick##N)(below, second, best);                                                            \
    CK(i##N) on = best > 0;                                                                             \
    CK(f##N) value = relu ? CK(pick##N)(on | (best != best), best, (CK(f##N))0) : best;                 \
    memcpy(y, &value, sizeof value);                                                                    \
    if (p != NULL) {                                                                                    \
      CK(i##N) place = (((lower & 1) | 2) & below) | (upper & 1 & ~below);                              \
      if (relu) place |= ~on;                                                                           \
      CK(b##N) bytes = __builtin_convertvector(place, CK(b##N));                                        \
      memcpy(p, &bytes, sizeof bytes);                                                                  \
    }                                                                                                   \
  }                                                                                                     \
  static inline void CK(max_gradient##N)(                                                               \
      const float *dy, const uint8_t *p, float *top, float *bottom, size_t skip) {                      \
    CK(f##N) g, none = 0;                                                                               \
    CK(b##N) bytes;                                                                                     \
    memcpy(&g, dy, sizeof g);                                                                           \
    memcpy(&bytes, p, sizeof bytes);                                                                    \
    CK(i##N) place = __builtin_convertvector(bytes, CK(i##N));                                          \
    CK(give##N)(CK(pick##N)(place == 0, g, none), CK(pick##N)(place == 1, g, none), top, skip);         \
    CK(give##N)(CK(pick##N)(place == 2, g, none), CK(pick##N)(place == 3, g, none), bottom, skip);      \
  }                                                                                                     \
  static inline void CK(mean##N)(const float *top, const float *bottom, size_t skip, float *y) {        \
    CK(w##N) sum = CK(take##N)(top, skip) + CK(take##N)(bottom, skip);                                  \
    CK(f##N) mean = (sum.even + sum.odd) * 0.25f;                                                       \
    memcpy(y, &mean, sizeof mean);                                                                      \
  }                                                                                                     \
  static inline void CK(mean_gradient##N)(const float *dy, float *top, float *bottom, size_t skip) {    \
    CK(f##N) g;                                                                                         \
    memcpy(&g, dy, sizeof g);                                                                           \
    g *= 0.25f;                                                                                         \
    CK(give##N)(g, g, top, skip);                                                                       \
    CK(give##N)(g, g, bottom, skip);                                                                    \
  }

CK_WINDOW_TYPES(1)
static inline void CK(give1)(CK(f1) even, CK(f1) odd, float *row, size_t skip) {
  row[0] = even[0];
  row[skip] = odd[0];
}
CK_WINDOWS(1)
CK_WINDOW_TYPES(4)
CK_GIVE(4)
CK_WINDOWS(4)
#if CK_LANES >= 8
CK_WINDOW_TYPES(8)
CK_GIVE(8)
CK_WINDOWS(8)
#define CK_EIGHT(CALL)                                                  \
  if (width == 8 && r + 1 < rows) {                                     \
    CALL(8, 0, 2 * width);                                              \
    r++;                                                                \
  } else if (columns >= 8) CK_ALONG(8, CALL)                            \
  else if (columns > 4 && CK_ROOM >= 8) CALL(8, 0, 8);                  \
  else
#else
#define CK_EIGHT(CALL)
#endif
#if CK_LANES >= 16
CK_WINDOW_TYPES(16)
CK_GIVE(16)
CK_WINDOWS(16)
#define CK_SIXTEEN(CALL)                                                \
  if (width == 16 && r + 1 < rows) {                                    \
    CALL(16, 0, 2 * width);                                             \
    r++;                                                                \
  } else if (columns >= 16) CK_ALONG(16, CALL)                          \
  else if (columns > 8 && CK_ROOM >= 16) CALL(16, 0, 16);               \
  else
#else
#define CK_SIXTEEN(CALL)
#endif

// CALL(N, c, skip) for windows c ..< c + N until a row of windows is covered. The last vector overlaps the one before:
// both write the same there.
#define CK_ALONG(N, CALL)                                               \
  {                                                                     \
    size_t c = 0;                                                       \
    for (; c + N <= columns; c += N) CALL(N, c, N);                     \
    if (c < columns) CALL(N, columns - N, N);                           \
  }
// How many windows fit in memory from the first of a row on.
#define CK_ROOM CK_MINIMUM(planes * rows * columns - first, (planes * height * width - above - width) / 2)
// CALL for every window of every plane: `above` is the place of a window row's upper row in the input, `first` that of
// its first window in the output. Two rows of windows that fill a vector together are done at once. A row shorter than
// a vector is still one vector where there is room: what is written beyond it comes out right with the next rows.
// AFTER(plane) follows each plane.
#define CK_ALL_WINDOWS(CALL, AFTER)                                                       \
  size_t rows = height / 2, columns = width / 2;                                          \
  for (size_t plane = 0; plane < planes; plane++) {                                       \
    for (size_t r = 0; r < rows; r++) {                                                   \
      size_t above = (plane * height + 2 * r) * width, first = (plane * rows + r) * columns; \
      CK_SIXTEEN(CALL)                                                                    \
      CK_EIGHT(CALL)                                                                      \
      if (columns >= 4) CK_ALONG(4, CALL)                                                 \
      else if (CK_ROOM >= 4) CALL(4, 0, 4);                                               \
      else CK_ALONG(1, CALL)                                                              \
    }                                                                                     \
    AFTER(plane);                                                                         \
  }
#define CK_NOTHING(plane)

// What no window covers: the last column where the width is odd, the last row where the height is.
static inline void CK(clear_rest)(float *plane, size_t height, size_t width) {
  if (width % 2 == 1)
    for (size_t r = 0; r < height; r++) plane[r * width + width - 1] = 0;
  if (height % 2 == 1) memset(plane + (height - 1) * width, 0, width * sizeof(float));
}
#define CK_CLEAR_REST(plane) CK(clear_rest)(dx + (plane) * height * width, height, width)

static void CK(max_pool_2x2)(
    const float *x, size_t planes, size_t height, size_t width, int then_relu, float *y, uint8_t *places) {
#define CALL(N, c, skip)                                                                                          \
  CK(max##N)(x + above + 2 * (c), x + above + width + 2 * (c), skip, then_relu, y + first + (c),                  \
             places == NULL ? NULL : places + first + (c))
  CK_ALL_WINDOWS(CALL, CK_NOTHING)
#undef CALL
}
static void CK(max_pool_2x2_gradient)(
    const float *dy, const uint8_t *places, size_t planes, size_t height, size_t width, float *dx) {
#define CALL(N, c, skip)                                                                                          \
  CK(max_gradient##N)(dy + first + (c), places + first + (c), dx + above + 2 * (c), dx + above + width + 2 * (c), skip)
  CK_ALL_WINDOWS(CALL, CK_CLEAR_REST)
#undef CALL
}
static void CK(mean_pool_2x2)(const float *x, size_t planes, size_t height, size_t width, float *y) {
#define CALL(N, c, skip) CK(mean##N)(x + above + 2 * (c), x + above + width + 2 * (c), skip, y + first + (c))
  CK_ALL_WINDOWS(CALL, CK_NOTHING)
#undef CALL
}
static void CK(mean_pool_2x2_gradient)(const float *dy, size_t planes, size_t height, size_t width, float *dx) {
#define CALL(N, c, skip) CK(mean_gradient##N)(dy + first + (c), dx + above + 2 * (c), dx + above + width + 2 * (c), skip)
  CK_ALL_WINDOWS(CALL, CK_CLEAR_REST)
#undef CALL
}
#undef CK_SIXTEEN
#undef CK_EIGHT

// One window a plane.
static void CK(plane_means)(const float *x, size_t planes, size_t size, float *y) {
  for (size_t plane = 0; plane < planes; plane++) {
    const float *from = x + plane * size;
    CK(vd) total = 0;
    size_t i = 0;
    for (; i + CK_LANES <= size; i += CK_LANES) total += CK(widen)(CK(load)(from + i));
    double sum = CK(sum_lanes_double)(total);
    for (; i < size; i++) sum += from[i];
    y[plane] = (float)(sum / (double)size);
  }
}
static void CK(plane_means_gradient)(const float *dy, size_t planes, size_t size, float *dx) {
  for (size_t plane = 0; plane < planes; plane++) {
    float share = dy[plane] / (float)size;
    for (size_t i = 0; i < size; i++) dx[plane * size + i] = share;
  }
}

// Windows by their bounds. A place is the position in the window, row by row; all bits set where none gets a gradient.
static inline void CK(put_place)(void *places, int bytes, size_t i, uint32_t place) {
  if (bytes == 1) ((uint8_t *)places)[i] = (uint8_t)place;
  else ((uint32_t *)places)[i] = place;
}
static inline uint32_t CK(get_place)(const void *places, int bytes, size_t i) {
  if (bytes == 4) return ((const uint32_t *)places)[i];
  uint8_t place = ((const uint8_t *)places)[i];
  return place == UINT8_MAX ? UINT32_MAX : place;
}

static void CK(max_pool)(
    const ck_pool_grid *g, const float *x, size_t planes, int then_relu, float *y, void *places, int place_bytes) {
  size_t out = 0;
  for (size_t plane = 0; plane < planes; plane++, x += g->height * g->width)
    for (size_t r = 0; r < g->rows; r++)
      for (size_t c = 0; c < g->columns; c++, out++) {
        size_t top = g->row_starts[r], left = g->column_starts[c];
        size_t bottom = g->row_ends[r], right = g->column_ends[c];
        float best = x[top * g->width + left];
        uint32_t place = 0, best_place = 0;
        for (size_t i = top; i < bottom; i++)
          for (size_t j = left; j < right; j++, place++) {
            float value = x[i * g->width + j];
            if (CK_BEATS(value, best) && place > 0) {
              best = value;
              best_place = place;
            }
          }
        if (then_relu && !(best > 0)) {
          best_place = UINT32_MAX;
          best = best != best ? best : 0;
        }
        y[out] = best;
        if (places != NULL) CK(put_place)(places, place_bytes, out, best_place);
      }
}

static void CK(max_pool_gradient)(
    const ck_pool_grid *g, const float *dy, const void *places, int place_bytes, size_t planes, float *dx) {
  size_t out = 0;
  for (size_t plane = 0; plane < planes; plane++, dx += g->height * g->width) {
    // A plane stays in the nearest cache between this and the last addition.
    memset(dx, 0, g->height * g->width * sizeof(float));
    for (size_t r = 0; r < g->rows; r++)
      for (size_t c = 0; c < g->columns; c++, out++) {
        uint32_t place = CK(get_place)(places, place_bytes, out);
        if (place == UINT32_MAX) continue;
        size_t left = g->column_starts[c], span = g->column_ends[c] - left;
        dx[(g->row_starts[r] + place / span) * g->width + left + place % span] += dy[out];
      }
  }
}

static void CK(mean_pool)(const ck_pool_grid *g, const float *x, size_t planes, float *y) {
  for (size_t plane = 0; plane < planes; plane++, x += g->height * g->width)
    for (size_t r = 0; r < g->rows; r++)
      for (size_t c = 0; c < g->columns; c++) {
        double sum = 0;
        for (size_t i = g->row_starts[r]; i < g->row_ends[r]; i++)
          for (size_t j = g->column_starts[c]; j < g->column_ends[c]; j++) sum += x[i * g->width + j];
        *y++ = (float)(sum / (double)(g->row_counts[r] * g->column_counts[c]));
      }
}

static void CK(mean_pool_gradient)(const ck_pool_grid *g, const float *dy, size_t planes, float *dx) {
  for (size_t plane = 0; plane < planes; plane++, dx += g->height * g->width) {
    memset(dx, 0, g->height * g->width * sizeof(float));
    for (size_t r = 0; r < g->rows; r++)
      for (size_t c = 0; c < g->columns; c++) {
        float share = *dy++ / (float)(g->row_counts[r] * g->column_counts[c]);
        for (size_t i = g->row_starts[r]; i < g->row_ends[r]; i++)
          for (size_t j = g->column_starts[c]; j < g->column_ends[c]; j++) dx[i * g->width + j] += share;
      }
  }
}
#endif
