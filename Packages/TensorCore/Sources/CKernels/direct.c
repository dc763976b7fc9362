// Direct convolution: each output pixel is a sum over taps, a tap being one weight and the offset of the pixel it
// applies to. Tables of offsets, made once for a shape, describe kernel, stride, dilation and padding alike, so the
// same loops compute the forward pass, the gradient with respect to the input and that with respect to the weight.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "direct.c"
#include "versions.h"

size_t ck_lanes(void) { return ck_level() == 2 ? 16 : ck_level() == 1 ? 8 : 4; }

void ck_pack_image(const ck_pack_shape *s, const float *x, const float *gate, int clears, float *packed) {
  CK_CALL(pack_image, s, x, gate, clears, packed);
}
void ck_pack_weights(const float *w, size_t channels, size_t stride, const ptrdiff_t *tap, size_t taps, float *packed) {
  CK_CALL(pack_weights, w, channels, stride, tap, taps, packed);
}
void ck_spread(const ck_spread_shape *s, const float *const *parts, const float *addend, float *dx) {
  CK_CALL(spread, s, parts, addend, dx);
}
void ck_add_plane_sums(const float *x, const float *gate, size_t channels, size_t plane, double *y) {
  CK_CALL(add_plane_sums, x, gate, channels, plane, y);
}
void ck_direct(
    const ck_direct_shape *s, const float *x, const float *w, const ck_direct_ending *e, size_t first_block,
    size_t blocks, float *y) {
  CK_CALL(direct_any, s, x, w, e, first_block, blocks, y);
}
void ck_direct_band(
    const ck_band_shape *s, const float *x, const float *w, float *y) {
  CK_CALL(band_any, s, x, w, y);
}
void ck_direct_weights(
    const ck_weight_shape *s, const float *dy, const float *x, const ptrdiff_t *step, size_t steps, float *dw) {
  CK_CALL(weights_any, s, dy, x, step, steps, dw);
}
void ck_direct_scatter(const ck_scatter_shape *s, const float *dy, const float *w, float *dx) {
  CK_CALL(scatter_any, s, dy, w, dx);
}
#else
#include "vectors.h"

#include "transpose.h"

typedef float CK(v4) __attribute__((ext_vector_type(4)));
#if CK_LANES >= 8
typedef float CK(v8) __attribute__((ext_vector_type(8)));
#endif

#define CK_WIDE CK_LANES
#define CK_W(name) CK_PASTE(name##_full, CK_VERSION)
#include "direct.h"
#undef CK_WIDE
#undef CK_W
#if CK_LANES == 16
// Vectors of 8 for narrow images: where 512-bit instructions run as two halves they lose nothing.
#define CK_WIDE 8
#define CK_W(name) CK_PASTE(name##_half, CK_VERSION)
#include "direct.h"
#undef CK_WIDE
#undef CK_W
#endif

static void CK(direct_any)(
    const ck_direct_shape *s, const float *x, const float *w, const ck_direct_ending *e, size_t first_block,
    size_t blocks, float *y) {
#if CK_LANES == 16
  if (s->narrow) {
    CK_PASTE(direct_half, CK_VERSION)(s, x, w, e, first_block, blocks, y);
    return;
  }
#endif
  CK_PASTE(direct_full, CK_VERSION)(s, x, w, e, first_block, blocks, y);
}

static void CK(band_any)(const ck_band_shape *s, const float *x, const float *w, float *y) {
#if CK_LANES == 16
  if (s->narrow) {
    CK_PASTE(band_half, CK_VERSION)(s, x, w, y);
    return;
  }
#endif
  CK_PASTE(band_full, CK_VERSION)(s, x, w, y);
}

static void CK(weights_any)(
    const ck_weight_shape *s, const float *dy, const float *x, const ptrdiff_t *step, size_t steps, float *dw) {
#if CK_LANES == 16
  if (s->narrow) {
    CK_PASTE(weights_half, CK_VERSION)(s, dy, x, step, steps, dw);
    return;
  }
#endif
  CK_PASTE(weights_full, CK_VERSION)(s, dy, x, step, steps, dw);
}

static void CK(scatter_any)(const ck_scatter_shape *s, const float *dy, const float *w, float *dx) {
#if CK_LANES == 16
  if (s->narrow) {
    CK_PASTE(scatter_half, CK_VERSION)(s, dy, w, dx);
    return;
  }
#endif
  CK_PASTE(scatter_full, CK_VERSION)(s, dy, w, dx);
}

static inline void CK(copy_vector)(const float *x, const float *gate, float *y) {
  CK(vf) v = CK(load)(x);
  if (gate != NULL) v = CK(choose)(CK(load)(gate) > CK(splat)(0), v, CK(splat)(0));
  CK(store)(y, v);
}
static inline void CK(copy_four)(const float *x, const float *gate, float *y) {
  CK(v4) v;
  memcpy(&v, x, sizeof v);
  if (gate != NULL) {
    CK(v4) g;
    memcpy(&g, gate, sizeof g);
    v = g > 0 ? v : (CK(v4))0.0f;
  }
  memcpy(y, &v, sizeof v);
}

// y = x where the gate, if any, is positive, else 0. The last vector moves back to end with the row.
static inline void CK(copy_gated)(const float *x, const float *gate, size_t count, float *y) {
  size_t i = 0;
  if (count >= CK_LANES) {
    for (; i + CK_LANES <= count; i += CK_LANES) CK(copy_vector)(x + i, gate == NULL ? NULL : gate + i, y + i);
    if (i < count) {
      i = count - CK_LANES;
      CK(copy_vector)(x + i, gate == NULL ? NULL : gate + i, y + i);
    }
  } else if (count >= 4) {
    for (; i + 4 <= count; i += 4) CK(copy_four)(x + i, gate == NULL ? NULL : gate + i, y + i);
    if (i < count) {
      i = count - 4;
      CK(copy_four)(x + i, gate == NULL ? NULL : gate + i, y + i);
    }
  } else {
    for (; i < count; i++) y[i] = gate == NULL || gate[i] > 0 ? x[i] : 0;
  }
}

// Writes the part of a packed row that lies inside the image; `gate` may be NULL.
static void CK(pack_row)(const ck_pack_shape *s, const float *x, const float *gate, float *packed) {
  for (size_t phase = 0; phase < s->kept; phase++, packed += s->columns) {
    ptrdiff_t step = (ptrdiff_t)s->phases, shift = s->left - (ptrdiff_t)phase;
    // columns i with 0 <= i * step - shift < width
    ptrdiff_t begin = shift > 0 ? (shift + step - 1) / step : 0;
    ptrdiff_t beyond = (ptrdiff_t)s->width + shift;
    ptrdiff_t end = beyond <= 0 ? 0 : (beyond + step - 1) / step;
    if (end > (ptrdiff_t)s->columns) end = (ptrdiff_t)s->columns;
    ptrdiff_t i = begin;
    if (step == 1) {
      if (begin < end)
        CK(copy_gated)(x + begin - shift, gate == NULL ? NULL : gate + begin - shift, (size_t)(end - begin), packed + begin);
      i = end;
    } else if (step == 2) {
      // the last pair of vectors must not reach beyond the row
      for (; i + CK_LANES <= end && 2 * (i + CK_LANES) - shift <= (ptrdiff_t)s->width; i += CK_LANES) {
        CK(vf) v = CK(load_even)(x + 2 * i - shift);
        if (gate != NULL) v = CK(choose)(CK(load_even)(gate + 2 * i - shift) > CK(splat)(0), v, CK(splat)(0));
        CK(store)(packed + i, v);
      }
    }
    for (; i < end; i++) {
      ptrdiff_t at = i * step - shift;
      packed[i] = gate == NULL || gate[at] > 0 ? x[at] : 0;
    }
  }
}

static void CK(pack_image)(const ck_pack_shape *s, const float *x, const float *gate, int clears, float *packed) {
  if (clears) memset(packed, 0, s->channels * s->plane * sizeof(float));
  for (size_t channel = 0; channel < s->channels; channel++) {
    for (size_t row = 0; row < s->rows; row++) {
      ptrdiff_t at = (ptrdiff_t)(row * s->row_step) - s->top;
      if (at < 0 || at >= (ptrdiff_t)s->height) continue;
      size_t from = (channel * s->height + (size_t)at) * s->width;
      CK(pack_row)(s, x + from, gate == NULL ? NULL : gate + from,
                   packed + channel * s->plane + row * s->kept * s->columns);
    }
  }
}

static void CK(pack_weights)(const float *w, size_t channels, size_t stride, const ptrdiff_t *tap, size_t taps, float *packed) {
  for (size_t block = 0; block < ck_direct_blocks(channels); block++) {
    size_t first = ck_direct_block_start(channels, block), end = ck_direct_block_start(channels, block + 1);
    for (size_t k = 0; k < taps; k++)
      for (size_t channel = first; channel < end; channel++) *packed++ = w[channel * stride + (size_t)tap[k]];
  }
}

// The rows of one phase, put together from the parts of all column phases.
static void CK(spread)(const ck_spread_shape *s, const float *const *parts, const float *addend, float *dx) {
  for (size_t channel = 0; channel < s->channels; channel++)
    for (size_t row = 0; row < s->rows; row++) {
      size_t line = (channel * s->height + row * s->row_step + s->row_phase) * s->width;
      float *to = dx + line;
      size_t done = 0;  // columns of every phase
      if (s->column_step == 2) {
        size_t columns = s->width / 2;
        const float *even = parts[0] == NULL ? NULL : parts[0] + (channel * s->rows + row) * ((s->width + 1) / 2);
        const float *odd = parts[1] == NULL ? NULL : parts[1] + (channel * s->rows + row) * columns;
        for (; done + CK_LANES <= columns; done += CK_LANES) {
          CK(vf) low, high;
          CK(interleave)(even == NULL ? CK(splat)(0) : CK(load)(even + done),
                         odd == NULL ? CK(splat)(0) : CK(load)(odd + done), &low, &high);
          CK(store)(to + 2 * done, low);
          CK(store)(to + 2 * done + CK_LANES, high);
        }
      }
      for (size_t phase = 0; phase < s->column_step && phase < s->width; phase++) {
        size_t columns = (s->width - phase + s->column_step - 1) / s->column_step;
        const float *from = parts[phase] == NULL ? NULL : parts[phase] + (channel * s->rows + row) * columns;
        for (size_t i = done; i < columns; i++) to[i * s->column_step + phase] = from == NULL ? 0 : from[i];
      }
      if (addend != NULL)
        for (size_t i = 0; i < s->width; i++) to[i] += addend[line + i];
    }
}

// y[channel] += the sum of a plane's values where the gate, if any, is positive
static void CK(add_plane_sums)(const float *x, const float *gate, size_t channels, size_t plane, double *y) {
  for (size_t channel = 0; channel < channels; channel++, x += plane) {
    CK(vf) sums[4] = {0};
    size_t i = 0;
    for (; i + 4 * CK_LANES <= plane; i += 4 * CK_LANES)
      for (size_t j = 0; j < 4; j++) {
        CK(vf) v = CK(load)(x + i + j * CK_LANES);
        if (gate != NULL) v = CK(choose)(CK(load)(gate + i + j * CK_LANES) > CK(splat)(0), v, CK(splat)(0));
        sums[j] += v;
      }
    double total = CK(sum_lanes_double)(CK(widen)(sums[0] + sums[1]) + CK(widen)(sums[2] + sums[3]));
    for (; i < plane; i++) total += gate == NULL || gate[i] > 0 ? x[i] : 0;
    y[channel] += total;
    if (gate != NULL) gate += plane;
  }
}
#endif
