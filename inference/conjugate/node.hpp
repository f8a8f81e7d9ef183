#pragma once
// The nodes of a running engine. A node owns q of its plate and the factor p(x | parents) it sits
// on: it sends that factor's messages to the parents, and collects those of its children.

#include <credo/inference/conjugate/conjugate.hpp>

#include <cstddef>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace credo::conjugate {

/// Thrown where q leaves the range of doubles or has no state left; caught by the engine.
struct Failure {
  std::string message;
  bool impossible = false;  ///< every state of some variable is excluded
};

/// Seeded numbers for starts.
class Draws {
 public:
  explicit Draws(std::uint64_t seed) : engine_(seed) {}
  /// In (0, 1).
  double uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }
  /// Standard normal (Box and Muller 1958).
  double normal();

 private:
  std::mt19937_64 engine_;
};

/// Expected sufficient statistics under q, element after element.
///   Gaussian     mean E[x], covariance Cov[x] (empty: known exactly)
///   gamma        mean E[tau], log_mean E[log tau]
///   Wishart      mean E[Lambda], log_mean E[log |Lambda|]
///   Dirichlet    log_mean E[log pi]
///   categorical  mean: probabilities (empty: observed)
struct Moments {
  std::vector<double> mean;
  std::vector<double> log_mean;
  std::vector<double> covariance;
};

class Node {
 public:
  explicit Node(const ConjugatePlate& plate);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  [[nodiscard]] const ConjugatePlate& plate() const noexcept { return *plate_; }
  [[nodiscard]] bool known() const noexcept { return plate_->known(); }
  /// Whether element i was not observed in a plate that was.
  [[nodiscard]] bool is_missing(std::size_t i) const noexcept {
    return !missing_.empty() && missing_[i] != 0;
  }
  [[nodiscard]] const Moments& moments() const noexcept { return moments_; }
  /// Natural parameters; messages are added to them. Their order is each kind's own.
  [[nodiscard]] std::span<double> natural() noexcept { return natural_; }
  [[nodiscard]] std::span<const double> natural() const noexcept { return natural_; }

  /// natural() = the message of the node's own factor.
  virtual void take_prior() = 0;
  /// Adds this factor's message to the parent's natural(), for every role the parent has in it.
  virtual void send(Node& parent) const = 0;
  /// moments() from natural(). Throws Failure.
  virtual void absorb() = 0;
  /// First moments, with the prior's message in natural(): drawn (nullptr), or those given.
  virtual void begin(const ConjugateStart* given, Draws& draws) = 0;
  /// E_q[log p(x | parents)] of the plate.
  [[nodiscard]] virtual double log_density() const = 0;
  /// H(q) of the plate; 0 when known.
  [[nodiscard]] virtual double entropy() const = 0;

 protected:
  Moments moments_;
  std::vector<double> natural_;

 private:
  const ConjugatePlate* plate_;
  std::vector<char> missing_;
};

/// The nodes made so far, by index: a child finds its parents here.
using Nodes = std::vector<std::unique_ptr<Node>>;

[[nodiscard]] std::unique_ptr<Node> make_gaussian(const ConjugatePlate& plate, const Nodes& nodes);
[[nodiscard]] std::unique_ptr<Node> make_gamma(const ConjugatePlate& plate, const Nodes& nodes);
[[nodiscard]] std::unique_ptr<Node> make_wishart(const ConjugatePlate& plate);
[[nodiscard]] std::unique_ptr<Node> make_dirichlet(const ConjugatePlate& plate);
[[nodiscard]] std::unique_ptr<Node> make_categorical(const ConjugatePlate& plate,
                                                     const Nodes& nodes);
[[nodiscard]] std::unique_ptr<Node> make_chain(const ConjugatePlate& plate, const Nodes& nodes);

}  // namespace credo::conjugate
