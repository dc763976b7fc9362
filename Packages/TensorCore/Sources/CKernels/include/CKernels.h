// The C side of TensorCore: buffers, the thread pool and the inner loops. Not a public API: TensorCore is.
//
// Every kernel works on contiguous floats, runs on the calling thread and picks its instruction set at run
// time. Pointers of different parameters do not overlap unless a comment says so.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Instruction set: 2 AVX-512, 1 AVX2 with FMA, 0 baseline. RAMPART_INSTRUCTIONS=baseline|avx2|avx512 lowers it.
int ck_instruction_level(void);

// Thread pool.
int ck_pool_threads(void);
void ck_pool_set_threads(int count);
// Runs body(context, 0 ..< tasks), each once, and returns when all are done.
void ck_pool_run(size_t tasks, __attribute__((swift_attr("@Sendable"))) void (*body)(void *context, size_t task),
                 void *context);

// Buffers, 64-byte aligned, recycled. `floats` must be the same in both calls.
float *ck_buffer_take(size_t floats);
void ck_buffer_return(float *buffer, size_t floats);
uint64_t ck_buffer_fresh(void);  // buffers that were newly allocated, ever

// Random numbers: Philox 4x32-10 (see random.c). `first_block` is the number of the first block of four draws.
void ck_philox_block(const uint32_t counter[4], uint64_t key, uint32_t words[4]);
void ck_random_words(uint64_t key, uint64_t first_block, uint32_t *words, size_t blocks);
void ck_random_uniform(uint64_t key, uint64_t first_block, float low, float high, float *y, size_t n);
void ck_random_normal(uint64_t key, uint64_t first_block, float mean, float deviation, float *y, size_t n);
void ck_random_bernoulli(uint64_t key, uint64_t first_block, float probability, float *y, size_t n);

// Elementwise. Comparisons give 1 or 0. ck_where_positive gives a where b > 0, else 0.
typedef enum {
  ck_add, ck_subtract, ck_multiply, ck_divide, ck_maximum, ck_minimum,
  ck_less, ck_less_or_equal, ck_equal, ck_not_equal,
  ck_add_rounding_up, ck_add_rounding_down, ck_where_positive
} ck_binary_op;
typedef enum {
  ck_negate, ck_absolute, ck_sign, ck_square, ck_square_root,
  ck_exponential, ck_logarithm, ck_tanh, ck_sigmoid, ck_relu
} ck_unary_op;
void ck_binary(ck_binary_op op, const float *a, int a_step, const float *b, int b_step, float *y, size_t n);
void ck_unary(ck_unary_op op, const float *x, float *y, size_t n);
void ck_select(const float *mask, const float *yes, const float *no, float *y, size_t n);
void ck_axpy(float a, const float *x, float *y, size_t n);  // y += a x

// Reductions.
double ck_sum(const float *x, size_t n);
double ck_sum_of_squares(const float *x, size_t n);
float ck_max(const float *x, size_t n);  // n > 0; NaN if a value is NaN
void ck_sum_columns(const float *x, size_t rows, size_t columns, size_t stride, float *y);
void ck_max_columns(const float *x, size_t rows, size_t columns, float *y);

// Rows of `columns` values each.
void ck_softmax_rows(const float *x, float *y, size_t rows, size_t columns);
void ck_log_softmax_rows(const float *x, float *y, size_t rows, size_t columns);
void ck_log_sum_exp_rows(const float *x, float *y, size_t rows, size_t columns);
void ck_cross_entropy_rows(
    const float *x, const int32_t *labels, float *losses, float *probabilities, size_t rows, size_t columns);
void ck_cross_entropy_gradient_rows(
    const float *probabilities, const int32_t *labels, const float *dy, float *dx, size_t rows, size_t columns);

// Products with a thin side (see thin.c).
void ck_thin_nt(const float *x, const float *w, const float *bias, float *y, size_t m, size_t n, size_t k);
void ck_thin_tn(const float *dy, const float *x, float *dw, size_t m, size_t k, size_t stride, size_t columns);
void ck_thin_nn(const float *dy, const float *w, float *dx, size_t m, size_t k, size_t n);
void ck_transpose(const float *x, float *y, size_t rows, size_t columns);

// Optimizers (see FusedUpdates.swift for the formulas).
typedef struct {
  float rate, momentum, dampening, coupled_decay;
  int nesterov, first;  // first: no velocity yet
} ck_sgd_settings;
typedef struct {
  float step, epsilon, coupled_decay;
  float beta2, rest1, rest2;  // rest: 1 - beta, rounded once
  float shrink;             // 1 - rate * decoupled decay
  float square_correction;  // 1 / sqrt(1 - beta2^t)
} ck_adam_settings;
void ck_sgd(const ck_sgd_settings *s, float *p, const float *g, float *velocity, size_t n);
void ck_adam(const ck_adam_settings *s, float *p, const float *g, float *mean, float *square, size_t n);

// y[i] = x[rows[i]] / 255, correctly rounded; rows of row_size bytes.
void ck_gather_pixels(const uint8_t *x, size_t row_size, const int64_t *rows, size_t count, float *y);

// C = A B + bias for at most ck_gemm_panel_columns() columns of C (see gemm.c). Strides are in floats. `bias` may be
// NULL; `panel` is scratch for ck_gemm_panel_depth rows of a panel.
enum { ck_gemm_panel_depth = 512 };
typedef struct {
  size_t rows, columns, depth;
  size_t a_row_stride, a_column_stride, b_row_stride, b_column_stride, c_stride;
} ck_gemm_shape;
size_t ck_gemm_panel_columns(void);
void ck_gemm_panel(const ck_gemm_shape *s, const float *a, const float *b, const float *bias, float *c, float *panel);
