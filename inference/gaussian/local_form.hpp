#pragma once
// One entry of a Gaussian table, prepared for elimination.

#include <credo/core/covariance_factor.hpp>
#include <credo/core/gaussian_table.hpp>
#include <credo/inference/gaussian/factor_terms.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

namespace credo::gaussian {

/// log f(x) of one entry over its dimension scalars: a quadratic form, or a kernel of the last
/// `child` of them.
struct LocalForm {
  std::size_t dimension = 0;
  std::size_t child = 0;  ///< 0: a quadratic form
  const QuadraticForm* form = nullptr;
  const LinearGaussian* kernel = nullptr;
  CovarianceFactor noise;               ///< of a kernel
  std::vector<double> child_precision;  ///< inverse covariance (pseudo-inverse), row-major
  /// Minus the second derivative of log f, dimension x dimension, row-major; empty where singular.
  std::vector<double> precision;
  double log_constant = 0.0;
  AddTerms add_terms = nullptr;

  [[nodiscard]] bool is_kernel() const noexcept { return child > 0; }
  /// The covariance has certain directions: there is no precision.
  [[nodiscard]] bool is_singular() const noexcept { return noise.rank < child; }
};

/// Prepared entries, each made once: tables are shared by many factors.
class LocalForms {
 public:
  const LocalForm& of(const GaussianTable& table, std::uint64_t entry) {
    for (const Recent& recent : recent_) {
      if (recent.identity == table.identity() && recent.entry == entry) return *recent.form;
    }
    return find_or_prepare(table, entry);
  }
  /// Forgets the entries that were not asked for since the last call.
  void forget_unused();

 private:
  struct Prepared {
    GaussianTable table;  ///< keeps what the form points to
    LocalForm form;
    bool used = true;
  };
  struct Recent {
    const void* identity = nullptr;
    std::uint64_t entry = 0;
    const LocalForm* form = nullptr;
  };
  const LocalForm& find_or_prepare(const GaussianTable& table, std::uint64_t entry);

  struct Key {
    const void* identity;
    std::uint64_t entry;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<const void*>()(key.identity) / 16 + key.entry * 0x9e3779b97f4a7c15U;
    }
  };
  std::unordered_map<Key, Prepared, Hash> forms_;
  std::array<Recent, 4> recent_{};  ///< few tables serve most factors
  std::size_t next_recent_ = 0;
};

}  // namespace credo::gaussian
