// Images side by side: the same element of several images in one vector, for kernels to which an image is a lane.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "image_lanes.c"
#include "versions.h"

void ck_images_to_lanes(
    const float *x, const float *gate, size_t images, size_t stride, size_t count, float *lanes) {
  CK_CALL(images_to_lanes, x, gate, images, stride, count, lanes);
}
void ck_lanes_to_images(const float *lanes, size_t images, size_t stride, size_t count, float *x) {
  CK_CALL(lanes_to_images, lanes, images, stride, count, x);
}
#else
#include "vectors.h"

#include "transpose.h"

static inline CK(vf) CK(load_gated)(const float *x, const float *gate) {
  CK(vf) v = CK(load)(x);
  return gate == NULL ? v : CK(choose)(CK(load)(gate) > CK(splat)(0), v, CK(splat)(0));
}

static void CK(images_to_lanes)(
    const float *x, const float *gate, size_t images, size_t stride, size_t count, float *lanes) {
  size_t done = 0;
  while (count >= CK_LANES && done < count) {
    // the last square moves back to end with the row
    size_t i = CK_MINIMUM(done, count - CK_LANES);
    CK(vf) square[CK_LANES];
    for (size_t image = 0; image < CK_LANES; image++) {
      size_t at = image * stride + i;
      square[image] = image < images ? CK(load_gated)(x + at, gate == NULL ? NULL : gate + at) : CK(splat)(0);
    }
    CK(turn_square)(square);
    for (size_t k = 0; k < CK_LANES; k++) CK(store)(lanes + (i + k) * CK_LANES, square[k]);
    done = i + CK_LANES;
  }
  for (size_t i = done; i < count; i++)
    for (size_t image = 0; image < CK_LANES; image++) {
      size_t at = image * stride + i;
      lanes[i * CK_LANES + image] = image < images && (gate == NULL || gate[at] > 0) ? x[at] : 0;
    }
}

static void CK(lanes_to_images)(const float *lanes, size_t images, size_t stride, size_t count, float *x) {
  size_t done = 0;
  while (count >= CK_LANES && done < count) {
    size_t i = CK_MINIMUM(done, count - CK_LANES);
    CK(vf) square[CK_LANES];
    for (size_t k = 0; k < CK_LANES; k++) square[k] = CK(load)(lanes + (i + k) * CK_LANES);
    CK(turn_square)(square);
    for (size_t image = 0; image < images; image++) CK(store)(x + image * stride + i, square[image]);
    done = i + CK_LANES;
  }
  for (size_t i = done; i < count; i++)
    for (size_t image = 0; image < images; image++) x[image * stride + i] = lanes[i * CK_LANES + image];
}
#endif
