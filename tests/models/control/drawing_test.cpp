#include <credo/models/control/drawing.hpp>
#include <credo/models/control/environments.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace credo::control;

namespace {

/// Left, down, right, up, indifferent in five of the six states that do not end.
std::vector<double> some_policy() {
  return {1,   0,   0,    0,    0,    1,    0, 0, 0, 0, 1, 0, 0.2, 0.2,
          0.2, 0.4, 0.25, 0.25, 0.25, 0.25, 1, 0, 0, 0, 1, 0, 0,   0};
}

}  // namespace

TEST_CASE("drawing: a policy as arrows") {
  const Mdp mdp = grid({.map = "S.#.\n..GH"});
  CHECK(policy_text(mdp, some_policy()) == "← ↓ ##→ \n↑ + G H \n");
}

TEST_CASE("drawing: weights as shades, scaled to the largest") {
  const Mdp mdp = grid({.map = "S.#.\n..GH"});
  const std::vector<double> weight = {2.0, 0.01, 0.3, 0.001, 0.8, 1.2, 1.99};
  CHECK(heat_text(mdp, weight) == "██··##░░\n  ▒▒▓▓██\n");
  const std::vector<double> none = {0.0, 0.01, 0.3, 0.001, 0.8, 0.0, 0.0};
  CHECK(heat_text(mdp, none) == "S ░░##▒▒\n··██G H \n");
}

TEST_CASE("drawing: without a grid there is a line per state") {
  const Mdp mdp = random_mdp({.states = 2, .actions = 2, .terminal_states = 1});
  CHECK(policy_text(mdp, std::vector<double>{0.25, 0.75, 0.5, 0.5}) == "0  1 (0.7500)\n1  ends\n");
}

TEST_CASE("drawing: pictures are whole documents and escape names") {
  const Mdp mdp = grid({.map = "S.#.\n..GH"});
  const std::string svg =
      value_svg(mdp, std::vector<double>{-3, -2, -1, -2, -1, 0, 0}, some_policy());
  CHECK(svg.starts_with("<svg xmlns="));
  CHECK(svg.ends_with("</svg>\n"));
  MdpDescription d;
  d.states = 1;
  d.actions = 1;
  d.initial = {1.0};
  d.transitions = {{0, 0, 0, 1.0, 0.0}};
  d.state_names = {"a<b & \"c\""};
  const std::string bars = value_svg(Mdp(d), std::vector<double>{1.0}, std::vector<double>{1.0});
  CHECK(bars.find("a&lt;b &amp; &quot;c&quot;") != std::string::npos);
}

TEST_CASE("drawing: names with characters that XML does not have, and processes without a name") {
  MdpDescription d;
  d.states = 1;
  d.actions = 1;
  d.initial = {1.0};
  d.transitions = {{0, 0, 0, 1.0, 0.0}};
  d.state_names = {"a\x01\n\xc3\xa4\xff\xed\xa0\x80z"};
  const std::string svg = value_svg(Mdp(d), std::vector<double>{1.0}, std::vector<double>{1.0});
  CHECK(svg.find("a\u2401\u240a\u00e4\ufffd\ufffd\ufffd\ufffdz<") != std::string::npos);
  CHECK(svg.find(">values and policy<") != std::string::npos);
}

TEST_CASE("drawing: numbers stand where no arrow crosses them") {
  const auto texts = [](std::size_t columns) {
    const Mdp mdp = grid({.map = "S" + std::string(columns - 2, '.') + "G"});
    const std::string svg =
        value_svg(mdp, std::vector<double>(columns, -1.5), std::vector<double>(4 * columns, 0.25));
    return svg.find(">-1.5</text>", svg.find("arrows:")) != std::string::npos;
  };
  CHECK(texts(23));
  CHECK_FALSE(texts(24));
}

TEST_CASE("drawing: a wide grid has small cells, one arrow each and no numbers") {
  const std::string map = "S" + std::string(98, '.') + "G";
  const Mdp mdp = grid({.map = map});
  std::vector<double> policy;
  for (std::size_t s = 0; s < 100; ++s) policy.insert(policy.end(), {0.1, 0.1, 0.7, 0.1});
  const std::string svg = value_svg(mdp, std::vector<double>(100, -1.0), policy);
  const auto count = [&svg](const std::string& what) {
    std::size_t n = 0;
    for (std::size_t at = svg.find(what); at != std::string::npos; at = svg.find(what, at + 1)) ++n;
    return n;
  };
  CHECK(count("<path") == 2 * 99);  // shaft and head
  CHECK(count("<text") == 5);       // title, legend of three, G
  CHECK(svg.find("width=\"1232\"") != std::string::npos);
}
