#pragma once
// The downward pass of a program: derivatives of Z, and what is read off them.

#include <credo/inference/contraction/emitter.hpp>

namespace credo::contraction {

/// Appends the downward pass to a program that has its upward one: fills node_adjoint,
/// leaf_adjoint and marginal_slot with what the options ask for, and computes nothing else.
void emit_downward(const ReducedModel& model, Program& program, Emitter& emit, Pace& pace);

}  // namespace credo::contraction
