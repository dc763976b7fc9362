// How the input of a sparse convolution lies while its taps are taken, on every instruction set.
#pragma once

#include <stddef.h>

#include "CKernels.h"

// The input rows and columns that a kernel's elements meet fall into phases of the stride; each phase is packed by itself,
// so that neighbours in it are neighbours for the output too.
typedef struct {
  size_t row_phases, column_phases;
  size_t rows, columns;    // of a phase
  size_t channel_columns;  // of all phases
} ck_sparse_layout;

// How many phases the elements 0, dilation, 2 dilation ... below kernel * dilation fall into.
static inline size_t ck_sparse_phases(size_t kernel, size_t stride, size_t dilation) {
  size_t phases = 1;
  while (phases < kernel && phases * dilation % stride != 0) phases++;
  return phases;
}

static inline ck_sparse_layout ck_sparse_layout_of(const ck_sparse_shape *s, size_t strip_rows) {
  ck_sparse_layout g;
  g.row_phases = ck_sparse_phases(s->kernel_height, s->stride_height, s->dilation_height);
  g.column_phases = ck_sparse_phases(s->kernel_width, s->stride_width, s->dilation_width);
  g.rows = strip_rows + (s->kernel_height - 1) * s->dilation_height / s->stride_height;
  g.columns = 2 + (s->kernel_width - 1) * s->dilation_width / s->stride_width;
  g.channel_columns = g.row_phases * g.column_phases * g.columns;
  return g;
}
