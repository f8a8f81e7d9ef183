// Gaussian plates. With Lambda the precision and m the mean, both under q,
//   log p(x | m, Lambda) = (log |Lambda| - d log 2 pi - (x - m)^T Lambda (x - m)) / 2,
// which is linear in (x, x x^T), in (m, m m^T) for each term of m, and in (Lambda, log |Lambda|):
// that is all the messages. Natural parameters of x: h = J E[x] [count, d], then the precision
// J [count, d, d]. Expected squares are taken around the means, so that nothing cancels. Cost of a
// message: count x states of the selector x d^2. Winn and Bishop 2005, section 3 and appendix A.

#include <credo/core/numerics.hpp>
#include <credo/inference/conjugate/gaussian_mean.hpp>
#include <credo/inference/conjugate/gaussian_precision.hpp>
#include <credo/inference/conjugate/small_matrix.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <utility>

namespace credo::conjugate {

namespace {

const double kLogTwoPi = std::log(2.0 * std::numbers::pi);

class GaussianNode final : public Node {
 public:
  GaussianNode(const ConjugatePlate& plate, const Nodes& nodes)
      : Node(plate),
        d_(plate.dimension),
        selection_(plate, nodes),
        mean_(plate, nodes),
        difference_(d_) {
    if (!plate.parents.empty()) {
      precision_.emplace(plate.parents[0], nodes, selection_.states());
      const ConjugatePlate& parent = precision_->node().plate();
      shape_ = parent.kind == ConjugateKind::wishart ? PrecisionShape::matrix
               : parent.dimension == 1               ? PrecisionShape::isotropic
                                                     : PrecisionShape::diagonal;
    }
    if (plate.known()) {
      moments_.mean = plate.values;
    } else {
      moments_.mean.resize(plate.count * d_);
      moments_.covariance.resize(plate.count * d_ * d_);
      natural_.resize(plate.count * d_ * (1 + d_));
    }
  }

  void take_prior() override {
    std::ranges::fill(natural_, 0.0);
    for (std::size_t i = 0; i < plate().count; ++i) {
      selection_.each(i, [&](std::size_t k, double weight) {
        const VectorMoments m = mean_(i, k);
        const Precision lambda = precision(i, k);
        lambda.add_times(weight, m.mean, &natural_[i * d_]);
        lambda.add_to(weight, &natural_[precision_offset(plate()) + i * d_ * d_]);
      });
    }
  }

  void send(Node& parent) const override {
    if (selection_.is(parent)) {
      tell_selector(*this, selection_,
                    [&](std::size_t i, std::size_t k) { return log_density_of(i, k); });
    }
    for (std::size_t t = 0; t < mean_.terms().size(); ++t) {
      const MeanTerm& term = mean_.terms()[t];
      if (!term.times && &term.parent.node() == &parent) send_to_mean(parent, t);
      if (term.times && &term.parent.node() == &parent) {
        send_to_product(parent, t, term.parent, *term.times);
      }
      if (term.times && &term.times->node() == &parent) {
        send_to_product(parent, t, *term.times, term.parent);
      }
    }
    if (precision_ && &precision_->node() == &parent) send_to_precision(parent);
  }

  void absorb() override {
    SmallInverse inverse(d_);
    half_log_det_ = 0.0;
    CompensatedSum log_det;
    for (std::size_t i = 0; i < plate().count; ++i) {
      log_det.add(solve(inverse, i));
    }
    half_log_det_ = -0.5 * log_det.value();
  }

  void begin(const ConjugateStart* given, Draws& draws) override {
    take_prior();
    SmallInverse inverse(d_);
    SmallInverse root(d_);
    CompensatedSum log_det;
    std::vector<double> z(d_);
    for (std::size_t i = 0; i < plate().count; ++i) {
      log_det.add(solve(inverse, i));
      const auto covariance = std::span<double>(moments_.covariance).subspan(i * d_ * d_, d_ * d_);
      std::vector<double> unused(d_ * d_);
      if (std::isnan(root.invert(covariance, unused))) fail(i);
      for (double& number : z) number = draws.normal();
      root.add_lower_times(z, std::span<double>(moments_.mean).subspan(i * d_, d_));
    }
    half_log_det_ = -0.5 * log_det.value();
    if (given == nullptr) return;
    moments_.mean = given->mean;
    for (double& entry : moments_.covariance) entry *= given->narrowing;
    half_log_det_ += 0.5 * static_cast<double>(plate().count * d_) * std::log(given->narrowing);
  }

  [[nodiscard]] double log_density() const override {
    if (plate().constant) return 0.0;
    return expected_sum(*this, selection_,
                        [&](std::size_t i, std::size_t k) { return log_density_of(i, k); });
  }

  [[nodiscard]] double entropy() const override {
    if (known()) return 0.0;
    const auto numbers = static_cast<double>(plate().count * d_);
    return half_log_det_ + 0.5 * numbers * (1.0 + kLogTwoPi);
  }

 private:
  static std::size_t precision_offset(const ConjugatePlate& plate) {
    return plate.count * plate.dimension;
  }

  [[nodiscard]] Precision precision(std::size_t i, std::size_t k) const {
    const Node& node = precision_->node();
    return {shape_, d_,
            node.moments().mean.data() + precision_->element(i, k) * node.plate().size()};
  }

  [[nodiscard]] double log_det_precision(std::size_t i, std::size_t k) const {
    const std::size_t e = precision_->element(i, k);
    const std::vector<double>& log_mean = precision_->node().moments().log_mean;
    if (shape_ == PrecisionShape::matrix) return log_mean[e];
    if (shape_ == PrecisionShape::isotropic) return static_cast<double>(d_) * log_mean[e];
    double sum = 0.0;
    for (std::size_t j = 0; j < d_; ++j) sum += log_mean[e * d_ + j];
    return sum;
  }

  /// E[x] - E[m without the term skip].
  const double* difference(std::size_t i, const VectorMoments& m) const {
    const double* const x = moments_.mean.data() + i * d_;
    for (std::size_t j = 0; j < d_; ++j) difference_[j] = x[j] - m.mean[j];
    return difference_.data();
  }

  [[nodiscard]] const double* covariance(std::size_t i) const {
    return moments_.covariance.empty() ? nullptr : moments_.covariance.data() + i * d_ * d_;
  }

  [[nodiscard]] double log_density_of(std::size_t i, std::size_t k) const {
    const VectorMoments m = mean_(i, k);
    const double square =
        precision(i, k).expected_square(difference(i, m), covariance(i), m.covariance);
    return 0.5 * (log_det_precision(i, k) - static_cast<double>(d_) * kLogTwoPi - square);
  }

  /// body(i, k, q(k)) for what is not missing.
  template <typename Body>
  void each(const Body& body) const {
    for (std::size_t i = 0; i < plate().count; ++i) {
      if (is_missing(i)) continue;
      selection_.each(i, [&](std::size_t k, double weight) { body(i, k, weight); });
    }
  }

  void send_to_mean(Node& parent, std::size_t t) const {
    double* const h = parent.natural().data();
    double* const j = h + precision_offset(parent.plate());
    const bool alone = mean_.terms().size() == 1;
    each([&](std::size_t i, std::size_t k, double weight) {
      const std::size_t e = mean_.terms()[t].parent.element(i, k);
      const double* const rest =
          alone ? moments_.mean.data() + i * d_ : difference(i, mean_(i, k, t));
      const Precision lambda = precision(i, k);
      lambda.add_times(weight, rest, h + e * d_);
      lambda.add_to(weight, j + e * d_ * d_);
    });
  }

  /// To the factor `to` of a dot product with `other`.
  void send_to_product(Node& parent, std::size_t t, const Link& to, const Link& other) const {
    const std::size_t n = parent.plate().dimension;
    double* const h = parent.natural().data();
    double* const j = h + precision_offset(parent.plate());
    each([&](std::size_t i, std::size_t k, double weight) {
      const std::size_t e = to.element(i, k);
      const VectorMoments b = element_moments(other.node(), other.element(i, k), n);
      const double tau = weight * *precision(i, k).values;
      const double rest = tau * *difference(i, mean_(i, k, t));
      for (std::size_t a = 0; a < n; ++a) {
        h[e * n + a] += rest * b.mean[a];
        double* const row = j + (e * n + a) * n;
        for (std::size_t c = 0; c < n; ++c) {
          row[c] += tau * (b.mean[a] * b.mean[c] + Precision::entry(b.covariance, a * n + c));
        }
      }
    });
  }

  void send_to_precision(Node& parent) const {
    const std::size_t size = parent.plate().size();
    const std::size_t total = parent.plate().count * size;
    double* const natural = parent.natural().data();
    each([&](std::size_t i, std::size_t k, double weight) {
      const std::size_t e = precision_->element(i, k);
      const VectorMoments m = mean_(i, k);
      const double* const x = difference(i, m);
      if (shape_ == PrecisionShape::matrix) {
        natural[e] += weight;
        add_outer(weight, x, i, m, natural + parent.plate().count + e * size);
        return;
      }
      for (std::size_t j = 0; j < d_; ++j) {
        const std::size_t to = shape_ == PrecisionShape::isotropic ? e : e * d_ + j;
        const std::size_t at = j * d_ + j;
        const double square =
            x[j] * x[j] + Precision::entry(covariance(i), at) + Precision::entry(m.covariance, at);
        natural[to] += 0.5 * weight;
        natural[total + to] += 0.5 * weight * square;
      }
    });
  }

  /// matrix += weight E[(x - m)(x - m)^T].
  void add_outer(double weight, const double* x, std::size_t i, const VectorMoments& m,
                 double* matrix) const {
    for (std::size_t a = 0; a < d_; ++a) {
      for (std::size_t b = 0; b < d_; ++b) {
        const std::size_t at = a * d_ + b;
        matrix[at] += weight * (x[a] * x[b] + Precision::entry(covariance(i), at) +
                                Precision::entry(m.covariance, at));
      }
    }
  }

  /// Mean and covariance of element i; returns log det J.
  double solve(SmallInverse& inverse, std::size_t i) {
    const auto j =
        std::span<const double>(natural_).subspan(precision_offset(plate()) + i * d_ * d_, d_ * d_);
    const auto covariance = std::span<double>(moments_.covariance).subspan(i * d_ * d_, d_ * d_);
    const double log_det = inverse.invert(j, covariance);
    if (std::isnan(log_det)) fail(i);
    for (std::size_t a = 0; a < d_; ++a) {
      double sum = 0.0;
      for (std::size_t b = 0; b < d_; ++b) sum += covariance[a * d_ + b] * natural_[i * d_ + b];
      moments_.mean[i * d_ + a] = sum;
    }
    return log_det;
  }

  [[noreturn]] void fail(std::size_t i) const {
    throw Failure{fmt::format(
        "gaussian \"{}\", element {}: the precision is not positive definite in double arithmetic",
        plate().name, i)};
  }

  std::size_t d_;
  Selection selection_;
  GaussianMean mean_;
  std::optional<Link> precision_;
  PrecisionShape shape_ = PrecisionShape::isotropic;
  mutable std::vector<double> difference_;
  double half_log_det_ = kNaN;  ///< of all covariances
};

}  // namespace

std::unique_ptr<Node> make_gaussian(const ConjugatePlate& plate, const Nodes& nodes) {
  return std::make_unique<GaussianNode>(plate, nodes);
}

}  // namespace credo::conjugate
