// A kernel is evaluated from its residual r = y - gain x - offset: log f = constant - r' W r / 2,
// with slopes -W r in y and gain' W r in x. Dimensions up to 4 are compiled with their loops
// unrolled. Cost: dimension squared.

#include <credo/inference/gaussian/factor_terms.hpp>
#include <credo/inference/gaussian/local_form.hpp>

#include <array>
#include <type_traits>
#include <utility>

namespace credo::gaussian {

namespace {

/// Parents and Child: numbers, or types that stand for one.
template <typename Parents, typename Child>
double add_kernel(const LocalForm& local, Parents parents, Child child,
                  const std::uint32_t* scalars, const double* point, double* gradient,
                  double* residual, double* weighted) {
  const double* gain = local.kernel->gain.data();
  const double* offset = local.kernel->offset.data();
  for (std::size_t i = 0; i < child; ++i) {
    residual[i] = point[scalars[parents + i]] - offset[i];
    for (std::size_t j = 0; j < parents; ++j) {
      residual[i] -= gain[i * parents + j] * point[scalars[j]];
    }
  }
  const double* inverse = local.child_precision.data();
  double squared = 0.0;
  for (std::size_t i = 0; i < child; ++i) {
    weighted[i] = 0.0;
    for (std::size_t j = 0; j < child; ++j) weighted[i] += inverse[i * child + j] * residual[j];
    squared += weighted[i] * residual[i];
  }
  for (std::size_t j = 0; j < parents; ++j) {
    double slope = 0.0;
    for (std::size_t i = 0; i < child; ++i) slope += gain[i * parents + j] * weighted[i];
    gradient[scalars[j]] += slope;
  }
  for (std::size_t i = 0; i < child; ++i) gradient[scalars[parents + i]] -= weighted[i];
  return local.log_constant - squared / 2.0;
}

template <std::size_t P, std::size_t C>
double add_small(const LocalForm& local, const std::uint32_t* scalars, const double* point,
                 double* gradient, double* /*scratch*/) {
  double residual[C];
  double weighted[C];
  return add_kernel(local, std::integral_constant<std::size_t, P>(),
                    std::integral_constant<std::size_t, C>(), scalars, point, gradient, residual,
                    weighted);
}

double add_large(const LocalForm& local, const std::uint32_t* scalars, const double* point,
                 double* gradient, double* scratch) {
  return add_kernel(local, local.dimension - local.child, local.child, scalars, point, gradient,
                    scratch, scratch + local.child);
}

double add_quadratic(const LocalForm& local, const std::uint32_t* scalars, const double* point,
                     double* gradient, double* /*scratch*/) {
  const double* row = local.precision.data();
  double value = local.log_constant;
  for (std::size_t i = 0; i < local.dimension; ++i, row += local.dimension) {
    double pull = 0.0;
    for (std::size_t j = 0; j < local.dimension; ++j) pull += row[j] * point[scalars[j]];
    value += (local.form->linear[i] - pull / 2.0) * point[scalars[i]];
    gradient[scalars[i]] += local.form->linear[i] - pull;
  }
  return value;
}

constexpr std::size_t kSmallest = 4;

template <std::size_t... I>
constexpr std::array<AddTerms, sizeof...(I)> small_terms(std::index_sequence<I...> /*all*/) {
  return {add_small<I / kSmallest, I % kSmallest + 1>...};
}
constexpr auto kSmallTerms = small_terms(std::make_index_sequence<(kSmallest + 1) * kSmallest>{});

}  // namespace

AddTerms kernel_terms(std::size_t parents, std::size_t child) noexcept {
  if (parents > kSmallest || child > kSmallest) return add_large;
  return kSmallTerms[parents * kSmallest + child - 1];
}

AddTerms quadratic_terms() noexcept { return add_quadratic; }

}  // namespace credo::gaussian
