#pragma once
// Which elements of its parents an element of a plate meets, and under which selected state.

#include <credo/core/numerics.hpp>
#include <credo/inference/conjugate/node.hpp>

#include <cstddef>

namespace credo::conjugate {

/// A parent link with its block resolved.
class Link {
 public:
  Link(const ConjugateParent& parent, const Nodes& nodes, std::size_t selector_states)
      : node_(nodes[parent.node.index].get()),
        stride_(parent.stride),
        block_(node_->plate().count) {
    if (parent.selected && selector_states > 0) {
      block_ /= selector_states;
      jump_ = block_;
    }
  }

  [[nodiscard]] Node& node() const noexcept { return *node_; }
  /// The parent's element that element i meets when state k is selected.
  [[nodiscard]] std::size_t element(std::size_t i, std::size_t k) const noexcept {
    return block_ == 1 ? k * jump_ : k * jump_ + (i / stride_) % block_;
  }

 private:
  Node* node_;
  std::size_t stride_;
  std::size_t block_;
  std::size_t jump_ = 0;
};

/// The selector of a plate, if it has one.
class Selection {
 public:
  Selection(const ConjugatePlate& plate, const Nodes& nodes) {
    if (!plate.selector) return;
    node_ = nodes[plate.selector->node.index].get();
    stride_ = plate.selector->stride;
    count_ = node_->plate().count;
    states_ = node_->plate().dimension;
  }

  /// 0 without a selector.
  [[nodiscard]] std::size_t states() const noexcept { return states_; }
  [[nodiscard]] bool is(const Node& node) const noexcept { return node_ == &node; }
  [[nodiscard]] Node* node() const noexcept { return node_; }
  [[nodiscard]] std::size_t element(std::size_t i) const noexcept { return (i / stride_) % count_; }

  /// body(k, q(k)) for every state of positive probability that selects element i's parents.
  template <typename Body>
  void each(std::size_t i, const Body& body) const {
    if (node_ == nullptr) return body(0, 1.0);
    const std::size_t e = element(i);
    if (node_->known()) return body(node_->plate().states[e], 1.0);
    const double* const q = node_->moments().mean.data() + e * states_;
    for (std::size_t k = 0; k < states_; ++k) {
      if (q[k] > 0.0) body(k, q[k]);
    }
  }

  /// body(k, message) for every state: what element i tells the selector.
  template <typename Body>
  void tell(std::size_t i, const Body& body) const {
    double* const inbox = node_->natural().data() + element(i) * states_;
    for (std::size_t k = 0; k < states_; ++k) inbox[k] += body(k);
  }

 private:
  Node* node_ = nullptr;
  std::size_t stride_ = 1;
  std::size_t count_ = 1;
  std::size_t states_ = 0;
};

/// sum over elements i and states k of q(k) body(i, k), missing elements left out.
template <typename Body>
[[nodiscard]] double expected_sum(const Node& node, const Selection& selection, const Body& body) {
  CompensatedSum sum;
  for (std::size_t i = 0; i < node.plate().count; ++i) {
    if (node.is_missing(i)) continue;
    selection.each(i, [&](std::size_t k, double weight) { sum.add(weight * body(i, k)); });
  }
  return sum.value();
}

/// body(i, k), what element i tells the selector about state k, missing elements left out.
template <typename Body>
void tell_selector(const Node& node, const Selection& selection, const Body& body) {
  for (std::size_t i = 0; i < node.plate().count; ++i) {
    if (node.is_missing(i)) continue;
    selection.tell(i, [&](std::size_t k) { return body(i, k); });
  }
}

}  // namespace credo::conjugate
